// Tests the declarations that `mq types` writes: tsc accepts correct tests and refuses wrong ones, and the declarations
// equal the module in the executable.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tsconfig } from '../../../src/harness/declarations.ts';
import { problemsBesideSource, tsc } from '../../support/tsc.ts';

const root = resolve(import.meta.dirname, '../../..');

const types = suite<{ folder: string }>('declarations of mq/test');
types.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'mq-types-'));
});
types.after.each(({ folder }) => rmSync(folder, { recursive: true }));

types('compile without other types and accept a correct test', async ({ folder }) => {
  const source = `
import { assert, broker, clock, cluster, deadLetter, eventually, expectMessage, faults, listen, publish, replay, request, role, skip, suite, test } from 'mq/test';

test('an order is paid', async () => {
  const { messageId } = await publish('orders', { id: 7 }, { headers: { try: 1 }, properties: { priority: 3 } });
  const message = await expectMessage('paid', { json: { id: 7 } }, { within: 500 });
  assert.is(message.text, messageId);
  assert.equal(message.json(), { id: 7 });
  await expectMessage('paid');
  await expectMessage('paid', /7/);
  await expectMessage({ queue: 'paid.parked' }, 'x');
  await deadLetter('worker', { headers: { 'x-mq-reason': /9/ } }, { within: 100 });
  await expectMessage('paid', ({ fields }) => fields.routingKey === 'a');
  const reply = await request('sum', [1, 2], { within: 100 });
  const bytes: number = reply.body.length;
  const found: number = await eventually('a number', () => (bytes > 1 ? bytes : undefined));
  assert.throws(() => found, (error: { code: string }) => error.code === 'X');
  assert.throws(() => found, (error) => error.message === 'X');
  const count: number = await replay('orders.ndjson', { to: { queue: 'paid' }, within: 100 });
  assert.is(count, await replay('orders.ndjson.zst'));
  const word = broker.urls[0];
  assert.ok(word);
  word.toUpperCase();
  assert.is.not(1, 2);
});
test.before(async () => listen('logs', { keys: ['a.*'] }));
test.skip('later');

const named = suite('with a state', { count: 0 });
named.before.each((state) => void (state.count += 1));
named('runs', async ({ count, __test__ }) => {
  if (broker.kind === 'url') skip(__test__ + count);
  const worker = await role('worker', ['--count', '1'], { input: 'x' });
  await worker.prints(/done/);
  const { status } = await worker.stop();
  assert.is(status, 0);
  await role('worker', { env: { A: 'b' } });
  await clock.advance(1000);
  await clock.advance(1000, { within: 0 });
  await cluster.kill(cluster.nodes - 1);
  faults.crashBetween('effect', 'ack');
  faults.delay(20)();
  await faults.cut();
});
named.run();

// @ts-expect-error: not a kind of target
broker.kind === 'docker';
// @ts-expect-error: the body is missing
publish('orders');
// @ts-expect-error: a node is an index, not a name
cluster.kill('rabbit-1');
// @ts-expect-error: there is no such export
import { nothing } from 'mq/test';
// @ts-expect-error: within is a number of milliseconds
expectMessage('paid', undefined, { within: '5s' });
`;
  for (const type of ['module', 'commonjs', undefined]) {
    const manifest = type === undefined ? {} : { 'package.json': JSON.stringify({ type }) };
    assert.is(await tsc(folder, { 'a.test.ts': source, ...manifest }, tsconfig), '');
  }
});

types('equal the module in the executable', async ({ folder }) => {
  const source = `
import * as userModule from '${resolve(root, 'src/harness/test-file/user.ts')}';

type Declared = typeof import('mq/test');
export const isAll: Omit<Declared, 'expectMessage'> = userModule;
// Only the declarations know the types of the bodies.
type Expected = (...args: Parameters<Declared['expectMessage']>) => Promise<import('mq/test').ReceivedMessage<unknown>>;
export const isExpected: Expected = userModule.expectMessage;
const names = (inside: keyof Declared, outside: keyof typeof userModule) => [inside, outside];
export const undeclared = (name: keyof typeof userModule) => names(name, name);
`;
  assert.equal(await problemsBesideSource(folder, source), []);
});

types.run();
