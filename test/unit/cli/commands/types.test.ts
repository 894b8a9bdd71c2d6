// mq types writes the declarations for editors.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { declarations as handlerDeclarations } from '../../../../src/handlers/declarations.ts';
import { declarations, tsconfig } from '../../../../src/harness/declarations.ts';
import { runCli } from '../../../support/cli.ts';
import { tsc } from '../../../support/tsc.ts';

test('mq types writes three files and hints at a tsconfig.json', async () => {
  const cwd = folder();
  const { status, stdout, stderr } = await runCli(['types'], { cwd });
  assert.is(status, 0);
  assert.is(stdout, 'mq-test.d.ts\nmq-handler.d.ts\nmq-bodies.d.ts\n');
  assert.is(readFileSync(join(cwd, 'mq-handler.d.ts'), 'utf8'), handlerDeclarations);
  assert.is(readFileSync(join(cwd, 'mq-test.d.ts'), 'utf8'), declarations);
  assert.match(stderr, /^hint: if you have no tsconfig\.json, this one includes these files:\n\{/);
  JSON.parse(stderr.slice(stderr.indexOf('{')));
});

test('mq types --out creates the folder and overwrites files', async () => {
  const cwd = folder();
  for (const _ of [1, 2]) {
    const { status, stdout } = await runCli(['types', '--out', 'a/b'], { cwd });
    assert.is(status, 0);
    const names = ['mq-test.d.ts', 'mq-handler.d.ts', 'mq-bodies.d.ts'];
    assert.is(stdout, names.map((name) => `${join('a', 'b', name)}\n`).join(''));
  }
  assert.is(readFileSync(join(cwd, 'a', 'b', 'mq-test.d.ts'), 'utf8'), declarations);
});

test('mq types types the bodies in handlers and tests by the schemas', async () => {
  const cwd = folder();
  const order = {
    type: 'object',
    required: ['id', 'lines'],
    properties: { id: { type: 'integer' }, lines: { type: 'array', items: { $ref: 'line.json' } } },
  };
  const line = { type: 'object', required: ['price'], properties: { price: { type: ['number', 'null'] } } };
  const rascal = {
    vhosts: { '/': { exchanges: ['orders'], queues: ['billing'], bindings: ['orders -> billing'] } },
    publications: { orders: { exchange: 'orders' }, raw: { exchange: 'orders' } },
    subscriptions: { billing: { queue: 'billing' } },
    mq: {
      publications: { orders: { schema: 'order.json' } },
      subscriptions: { billing: { schema: 'order.json' } },
    },
  };
  for (const [name, content] of Object.entries({ 'order.json': order, 'line.json': line, 'rascal.json': rascal }))
    writeFileSync(join(cwd, name), JSON.stringify(content));
  assert.is((await runCli(['types'], { cwd })).status, 0);
  const source = `
import { assert, expectMessage, publish, request } from 'mq/test';
import type { BatchHandler, Handler, ReplyHandler } from 'mq/handler';
import type { Order } from 'mq/bodies';

const total = ({ lines }: Order) => lines.reduce((sum, { price }) => sum + (price ?? 0), 0);
const handle: Handler<'billing'> = (message) => {
  if (total(message.json()) < 0) return { type: 'dead-letter', reason: 'negative total' };
};
export default handle;
export const batch: BatchHandler<'billing'> = (messages) =>
  messages.map((message) => (message.json().id > 5 ? { type: 'retry' } : undefined));
export const reply: ReplyHandler<'billing'> = (message) => message.json().lines.length;
export const untyped: Handler = (message) => void message.json().anything.at.all;
await publish('orders', { id: 7, lines: [{ price: null }] });
await publish('orders', 'no JSON');
await publish('raw', { anything: 1 });
await publish('orders', { id: 'not a number' }, { schema: false });
await publish('another', { anything: 1 });
const bill = await expectMessage('billing', { id: 7 });
assert.is(bill.json().lines[0]?.price, null);
(await expectMessage({ queue: 'billing' })).json().anything.at.all;

// @ts-expect-error: there is no such subscription
export const misspelt: Handler<'biling'> = () => {};
// @ts-expect-error: the price may be null
export const cents: Handler<'billing'> = (message) => void (message.json().lines[0]?.price * 100);
// @ts-expect-error: the id is a number
await publish('orders', { id: '7', lines: [] });
// @ts-expect-error: the lines are missing
await request('orders', { id: 7 });
`;
  const bodies = readFileSync(join(cwd, 'mq-bodies.d.ts'), 'utf8');
  assert.is(await tsc(cwd, { 'handle.ts': source, 'mq-bodies.d.ts': bodies }, tsconfig), '');
});

test('mq types reports a schema that it cannot read', async () => {
  const cwd = folder();
  const rascal = {
    vhosts: { '/': { queues: ['billing'] } },
    subscriptions: { billing: { queue: 'billing' } },
    mq: { subscriptions: { billing: { schema: 'none.json' } } },
  };
  writeFileSync(join(cwd, 'rascal.json'), JSON.stringify(rascal));
  const { status, stderr } = await runCli(['types'], { cwd });
  assert.is(status, 78);
  assert.match(stderr, /none\.json/);
});

test('mq types refuses a file as a folder, and an argument', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'file'), '');
  const refused = await runCli(['types', '--out', 'file/deep'], { cwd });
  assert.is(refused.status, 73);
  assert.match(refused.stderr, /^mq types: cannot write .*mq-test\.d\.ts: .* \[CANNOT_CREATE\]\n$/);
  const wrong = await runCli(['types', 'test'], { cwd });
  assert.is(wrong.status, 64);
  assert.match(wrong.stderr, /unexpected argument 'test'/);
});

test.run();

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'mq-types-'));
}
