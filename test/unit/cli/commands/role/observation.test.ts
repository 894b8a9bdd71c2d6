// The format of the summary at the end of a run.

import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Values } from '../../../../../src/cli/arguments/values.ts';
import { observed } from '../../../../../src/cli/commands/role/observation.ts';
import type { RoleConfig } from '../../../../../src/config/role.ts';
import type { Context } from '../../../../../src/context.ts';

const role = { behaviour: 'consume', subscriptions: ['s'] } as unknown as RoleConfig;

/** Returns the stderr of a role that received three messages. */
async function summaryWith(options: Record<string, readonly string[] | true>, { isTTY = false, fails = true } = {}) {
  const stderr = Object.assign(new PassThrough(), { isTTY });
  const context = { stderr, drain: new AbortController().signal } as unknown as Context;
  const values = new Values({ command: 'worker', args: [], options });
  const work = async (_: Context, { counts }: Parameters<Parameters<typeof observed>[3]>[1]) => {
    counts.received = 3;
    counts.acked = 2;
    if (fails) throw new Error('it failed');
  };
  await observed(context, values, { name: 'worker', role, isConsuming: true }, work).catch(() => undefined);
  return String(stderr.read() ?? '');
}

const text = /^messages: 3 received, 2 acknowledged \(.*\)\n$/;
const json = /^\{.*"event":"summary",.*"received":3,.*\}\n$/;

for (const [title, options, circumstances, expected] of [
  ['a failed run in a pipe: a line of text', {}, {}, text],
  ['a failed run on a terminal: a line of text', {}, { isTTY: true }, text],
  ['a failed run with --json: an object', { json: true }, {}, json],
  ['a failed run with --log json: an object', { log: ['json'] }, {}, json],
  ['a run on a terminal: a line of text', {}, { isTTY: true, fails: false }, text],
  ['a run in a pipe: nothing', {}, { fails: false }, /^$/],
  ['a run with --log json: an object', { log: ['json'] }, { fails: false }, json],
] as const) {
  test(`prints after ${title}`, async () => assert.match(await summaryWith(options, circumstances), expected));
}

test.run();
