// Runs test files that use `faults` of mq/test. Each test shows the effect of one fault on a role.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq } from '../support/mq.ts';
import { testVhost } from '../support/vhost.ts';

const head = "import { assert, expectMessage, faults, publish, request, role, test } from 'mq/test';\n";

/** Bodies of tests by the effect that they show. */
const effects = {
  'redeliver delivers a message to a role twice': `
    const worker = await role('worker', ['--exec', 'cat']);
    faults.redeliver();
    await publish('task', 'a');
    await worker.prints('a');
    assert.is(worker.stdout(), 'aa');`,
  'redeliver ends': `
    const worker = await role('worker', ['--exec', 'cat']);
    const end = faults.redeliver();
    end();
    await publish('task', 'a');
    await publish('task', 'b');
    await worker.prints('b');
    assert.is(worker.stdout(), 'ab');`,
  'redeliver ends with its test': `
    const worker = await role('worker', ['--exec', 'cat']);
    await publish('task', 'a');
    await publish('task', 'b');
    await worker.prints('b');
    assert.is(worker.stdout(), 'ab');`,
  'redeliver does not affect the fixtures': `
    faults.redeliver();
    await publish('task', 'a');
    await publish('task', 'b');
    await expectMessage({ queue: 'task_queue' });
    assert.is((await expectMessage({ queue: 'task_queue' })).text, 'b');`,
  'crashBetween closes the connection after the handler': `
    const worker = await role('worker', ['--exec', 'cat']);
    faults.crashBetween('effect', 'ack');
    await publish('task', 'a');
    await worker.prints('a');
    assert.is(worker.stdout(), 'aa');
    await worker.prints('closed the connection: faults.crashBetween', { on: 'stderr' });`,
  'crashBetween refuses other arguments': `
    assert.throws(() => faults.crashBetween('ack', 'effect'), /requires the arguments 'effect' and 'ack'/);`,
  'delay requires milliseconds': `
    for (const value of [-1, NaN, Infinity, '5']) assert.throws(() => faults.delay(value), /requires milliseconds/);`,
  'full requires an existing queue': `
    await publish('task', 'a');
    assert.throws(() => faults.full(), /requires the name of a queue/);
    assert.throws(() => faults.full('typo'), /requires an existing queue, not "typo"/);`,
  'cut disconnects a role, which connects again': `
    const worker = await role('worker', ['--exec', 'cat']);
    await faults.cut();
    await publish('task', 'a');
    await worker.prints('a');
    await worker.prints('connected again', { on: 'stderr' });
    assert.is(worker.stdout(), 'a');`,
  'delay makes the broker slow': `
    faults.delay(100);
    const begun = performance.now();
    const task = await role('task', ['a']);
    assert.is((await task.ended).status, 0);
    assert.ok(performance.now() - begun >= 300);
    await expectMessage({ queue: 'task_queue' }, 'a');`,
  'refusePublish refuses what a role publishes': `
    const end = faults.refusePublish();
    await publish('task', 'by the fixture');
    assert.match(await failure('task', ['refused']), /ended with 75/);
    end();
    await role('task', ['later']);
    await expectMessage({ queue: 'task_queue' }, 'by the fixture');
    assert.is((await expectMessage({ queue: 'task_queue' })).text, 'later');`,
  'full lets one queue reject publishes': `
    faults.full('task_queue');
    assert.match(await failure('task', ['refused']), /ended with 75/);
    const producer = await role('producer', ['a']);
    assert.is((await producer.ended).status, 0);
    await expectMessage({ queue: 'hello' }, 'a');`,
  'block blocks a publisher until it ends': `
    const server = await role('rpc-server');
    const end = faults.block();
    const reply = request('rpc', '20');
    await server.prints('blocks publishing', { on: 'stderr' });
    end();
    assert.is((await reply).text, '6765');`,
};

/** Starts a role that fails, and returns the error. */
const failure = 'const failure = async (...words) => role(...words).then(() => "", (error) => String(error));';

test('each fault has its effect on a role and ends with its test', async () => {
  const tests = Object.entries(effects).map(
    ([name, body]) => `test(${JSON.stringify(name)}, async () => {${body}\n});`,
  );
  const cwd = emptyFolder({ 'a.test.ts': [head, failure, ...tests].join('\n') });
  const { status, stdout } = await mq(['test', '--verbose'], { cwd });
  assert.is(status, 0, stdout);
});

test('full requires an existing queue before the broker starts, too', async () => {
  const rest = {
    publish: "await publish('task', 'a');",
    role: "await role('worker');",
    nothing: '',
  };
  for (const [name, next] of Object.entries(rest)) {
    const cwd = emptyFolder({ 'a.test.ts': `${head}test('${name}', async () => { faults.full('typo');\n${next} });` });
    const { status, stdout } = await mq(['test'], { cwd });
    assert.is(status, 1, stdout);
    assert.is(stdout.match(/faults\.full requires an existing queue, not "typo"/g)?.length, 1, stdout);
    assert.match(stdout, /a\.test\.ts:2/);
  }
});

test('full accepts a queue of rascal.json before the broker starts', async () => {
  const cwd = emptyFolder({
    'a.test.ts': `${head}test('first', async () => {
      faults.full('task_queue');
      await publish('task', 'a');
      assert.match(await role('task', ['b']).catch(String), /ended with 75/);
    });`,
  });
  const { status, stdout } = await mq(['test'], { cwd });
  assert.is(status, 0, stdout);
});

test('a test with faults is skipped on another broker', async () => {
  const vhost = await testVhost();
  try {
    const cwd = emptyFolder({
      'a.test.ts': `${head}test('a', () => {});\ntest('b', () => { faults.redeliver(); });`,
    });
    const { status, stdout } = await mq(
      ['test', '--on', vhost.url, '--management-url', vhost.managementUrls.join(',')],
      { cwd },
    );
    assert.is(status, 0, stdout);
    assert.match(stdout, /skipped "b": needs the faults of the embedded broker; the target is url/);
  } finally {
    await vhost.remove();
  }
});

test.run();
