// Checks the bodies of messages with the schemas that rascal.json names, through the executable and the embedded broker.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq } from '../support/mq.ts';
import { lines, messagesOf, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(() => roles.end());

/** Makes a folder with a rascal.json whose publication and subscription `order` use the queue. Only one has the schema. */
function folder(queue: string, side: 'publications' | 'subscriptions', settings: object = {}): string {
  const schema = { required: ['total'], properties: { total: { minimum: 0 } } };
  return emptyFolder({
    'order.json': JSON.stringify(schema),
    'rascal.json': JSON.stringify({
      vhosts: { '/': { queues: { [queue]: { options: { durable: true } } } } },
      publications: { order: { queue } },
      subscriptions: { order: { queue } },
      mq: { [side]: { order: { schema: 'order.json', ...settings } } },
    }),
  });
}

test('refuses to send a body that does not match the schema', async () => {
  const cwd = folder('refused', 'publications');
  for (const behaviour of ['publish', 'request']) {
    const { status, stderr } = await roles.run([behaviour, 'order', '{"total":-1}'], { cwd });
    assert.is(status, 65, behaviour);
    assert.match(stderr, /the message does not match order.json: \/total must be >= 0 \[BAD_DATA\]/);
  }
  const piped = await roles.run(['publish', 'order'], { cwd, input: '{"total":-1}' });
  assert.is(piped.status, 65);
  assert.is((await roles.run(['publish', 'order', '{"total":1}'], { cwd })).status, 0);
  assert.equal(
    (await roles.take('refused', 1)).map(({ payload }) => payload),
    ['{"total":1}'],
  );
  assert.is(await roles.held('refused'), 0);
});

test('sends the other lines, and reports each one that does not match', async () => {
  const cwd = folder('lines', 'publications');
  const input = '{"total":1}\n{"total":-2}\nnone\n{"total":4}\n';
  const { status, stdout, stderr } = await roles.run(['publish', 'order', '--lines', '--json'], { cwd, input });
  assert.is(status, 65);
  assert.match(stderr, /total must be >= 0 \(2 of 4 messages confirmed, 2 not\)/);
  assert.match(stderr, /messages: 2 of 4 confirmed, 2 refused/);
  const outcomes = lines(stdout).map((line): { number: number; outcome: string; code?: string } => JSON.parse(line));
  assert.equal(
    outcomes.toSorted((one, other) => one.number - other.number).map(({ outcome, code }) => [outcome, code]),
    [
      ['confirmed', undefined],
      ['refused', 'BAD_DATA'],
      ['refused', 'BAD_DATA'],
      ['confirmed', undefined],
    ],
  );
  assert.is(await roles.held('lines'), 2);
});

test('checks the messages of a recording before it sends them', async () => {
  const cwd = folder('replayed', 'publications');
  const plain = folder('replayed', 'subscriptions');
  for (const total of [1, -1]) await roles.run(['publish', 'order', `{"total":${total}}`], { cwd: plain });
  const file = join(cwd, 'recorded.ndjson');
  const recorded = await roles.run(['record', file, '--from', 'replayed', '--remove'], { cwd });
  assert.is(recorded.status, 0, recorded.stderr);
  for (const to of [[], ['--to', 'order'], ['--to', 'queue:replayed']]) {
    const { status, stderr } = await roles.run(['replay', file, '--now', ...to], { cwd });
    assert.is(status, 65, to.join(' '));
    assert.match(stderr, /total must be >= 0 \(1 of 2 messages confirmed, 1 not\) \[BAD_DATA\]/);
    assert.is((await roles.take('replayed', 1))[0]!.payload, '{"total":1}');
    assert.is(await roles.held('replayed'), 0);
  }
});

test('dead-letters a body that does not match, without a call of the handler', async () => {
  const cwd = folder('received', 'subscriptions');
  for (const body of ['{"total":-1}', '{"total":1}']) await roles.run(['publish', 'order', body], { cwd });
  const handled = await roles.run(['subscribe', 'order', '--count', '2', '--exec', 'cat'], { cwd });
  assert.is(handled.status, 0, handled.stderr);
  assert.is(handled.stdout, '{"total":1}');
  assert.ok(
    messagesOf(handled.stderr).includes('to the dead-letter queue: schema: /total must be >= 0'),
    handled.stderr,
  );
  const [dead] = await roles.take('received.dead', 1);
  assert.is(dead!.payload, '{"total":-1}');
  const { headers = {} } = dead!.properties;
  assert.equal([headers['x-mq-reason'], headers['x-mq-attempt']], ['schema: /total must be >= 0', 1]);
});

test('dead-letters for a role that only prints', async () => {
  const cwd = folder('printed', 'subscriptions');
  await roles.run(['publish', 'order', 'none'], { cwd });
  const { stdout } = await roles.run(['subscribe', 'order', '--count', '1'], { cwd });
  assert.is(stdout, '');
  assert.is(
    (await roles.take('printed.dead', 1))[0]!.properties.headers?.['x-mq-reason'],
    'schema: the body is not JSON',
  );
});

test('onInvalid names another policy than dead-letter', async () => {
  const dropping = folder('dropped', 'subscriptions', { onInvalid: 'drop' });
  await roles.run(['publish', 'order', '{}'], { cwd: dropping });
  const dropped = await roles.run(['subscribe', 'order', '--count', '1', '--exec', 'cat'], { cwd: dropping });
  assert.match(dropped.stderr, /dropped: schema: the body must have required property 'total'/);
  assert.is(await roles.held('dropped'), 0);

  const ending = folder('ended', 'subscriptions', { onInvalid: 'exit' });
  await roles.run(['publish', 'order', '{}'], { cwd: ending });
  const ended = await roles.run(['subscribe', 'order', '--exec', 'cat'], { cwd: ending });
  assert.is(ended.status, 1);
  assert.match(ended.stderr, /attempt 1 failed: schema: /);
  assert.match(ended.stderr, /hint: the message went back to its queue \("onInvalid": "exit" in rascal.json\)/);
  assert.is((await roles.take('ended', 1))[0]!.payload, '{}');
});

test('mq check and each run report the problems of a schema', async () => {
  const cwd = emptyFolder({
    'bad.json': '{\n  "type": "strin",\n  "pattern": "("\n}',
    'rascal.json': JSON.stringify({
      vhosts: { '/': { queues: ['bad'] } },
      publications: { order: { queue: 'bad' } },
      mq: { publications: { order: { schema: 'bad.json' } } },
    }),
  });
  for (const args of [['check'], ['publish', 'order', '{}']]) {
    const { status, stderr } = await roles.run(args, { cwd });
    assert.is(status, 78, args[0]);
    assert.match(stderr, /bad.json:2:11: type: must be one of/);
    assert.match(stderr, /bad.json:3:14: pattern: the pattern is invalid/);
  }
  const { stdout } = await roles.run(['check', '--json'], { cwd });
  assert.equal(
    lines(stdout).map((line): string => JSON.parse(line).file),
    ['bad.json', 'bad.json'],
  );
});

test('mq test fails for messages that do not match, and names their tests', async () => {
  const cwd = folder('tested', 'publications');
  const plain = join(folder('tested', 'subscriptions'), 'rascal.json');
  writeFileSync(
    join(cwd, 'a.test.ts'),
    `
import { assert, expectMessage, publish, role, suite, test } from 'mq/test';

test('valid', async () => {
  await publish('order', { total: 1 });
});
test('invalid by a fixture', async () => {
  await publish('order', { total: -1 });
});
test('invalid on purpose', async () => {
  await publish('order', { total: -1 }, { schema: false });
  assert.is((await expectMessage({ queue: 'tested' })).text, '{"total":-1}');
});
const sendInvalid = async () => {
  const sender = await role('publish', ['order', '--config', '${plain}', '{"total":-1}']);
  assert.is((await sender.ended).status, 0);
};
test('invalid by a role', sendInvalid);
test('fails by itself', async () => {
  await sendInvalid();
  throw new Error('own failure');
});
const late = suite('late');
late('invalid after its end', () => {});
late.after.each(sendInvalid);
late.run();
`,
  );
  const { status, stdout } = await mq(['test', '--verbose', '--report', 'text', '--report', 'json=a.json'], { cwd });
  assert.is(status, 1);
  const fault = 'to the publication "order" does not match order.json: /total must be >= 0';
  assert.ok(stdout.includes(`"invalid by a fixture"\n    the message ${fault}`), stdout);
  for (const name of ['invalid by a role', 'late: invalid after its end']) {
    assert.ok(stdout.includes(`"${name}"\n    a message ${fault}`), stdout);
    assert.match(stdout, new RegExp(`^  FAIL ${name}`, 'm'));
  }
  assert.ok(stdout.includes(`"fails by itself"\n    own failure\n    a message ${fault}`), stdout);
  assert.match(stdout, /^2 passed, 4 failed/m);
  const outcomes = lines(readFileSync(join(cwd, 'a.json'), 'utf8')).flatMap((line): string[] => {
    const { event, outcome } = JSON.parse(line);
    return event === 'test' ? [outcome] : [];
  });
  assert.equal(outcomes, ['fail', 'pass', 'fail', 'pass', 'fail', 'fail']);
});

test.run();
