// Tests the types of `mq/handler` that `mq types` writes: tsc accepts correct handlers and refuses wrong ones, and the
// types equal those in module.ts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tsconfig } from '../../../src/harness/declarations.ts';
import { problemsBesideSource, tsc } from '../../support/tsc.ts';

const root = resolve(import.meta.dirname, '../../..');

const types = suite<{ folder: string }>('declarations of mq/handler');
types.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'mq-types-'));
});
types.after.each(({ folder }) => rmSync(folder, { recursive: true }));

types('compile without other types and accept correct handlers', async ({ folder }) => {
  const source = `
import type { BatchHandler, Context, Handler, Message, Outcome, ReplyHandler } from 'mq/handler';

const handle: Handler = async (message, context) => {
  const { total } = message.json();
  context.log(message.properties.messageId + message.fields.queue + message.attempt + context.attempt);
  if (context.signal.aborted) return { type: 'stop', reason: 'no time' };
  if (total < 0) return { type: 'dead-letter', reason: 'negative total' };
};
export default handle;
export const plain: Handler = (message) => (message.body.length > 5 ? { type: 'retry' } : undefined);
export const batch: BatchHandler = async (messages) =>
  messages.map(({ text }) => (text === '' ? { type: 'retry', reason: 'empty' } : undefined));
export const allDone: BatchHandler = async () => {};
export const reply: ReplyHandler = async ({ text }) => ({ sum: text.length });
export const acked = (message: Message, context: Context): Outcome => ({ type: 'ack', reply: message.text });

// @ts-expect-error: a misspelt outcome
export const misspelt: Handler = () => ({ type: 'dead-leter' });
// @ts-expect-error: a reason is a string
export const reasoned: Handler = () => ({ type: 'retry', reason: 5 });
// @ts-expect-error: a message cannot be changed
export const changed: Handler = (message) => void (message.attempt = 2);
`;
  assert.is(await tsc(folder, { 'handler.ts': source }, tsconfig), '');
});

types('equal the types of the arguments that a module receives', async ({ folder }) => {
  const source = `
import type { Context, Message } from 'mq/handler';
import type { UserContext, UserMessage } from '${resolve(root, 'src/handlers/module.ts')}';

export const message = (real: UserMessage): Message => real;
export const context = (real: UserContext): Context => real;
export const names: [keyof Message, keyof Context] extends [keyof UserMessage, keyof UserContext] ? true : false = true;
export const back: [keyof UserMessage, keyof UserContext] extends [keyof Message, keyof Context] ? true : false = true;
`;
  assert.equal(await problemsBesideSource(folder, source), []);
});

types.run();
