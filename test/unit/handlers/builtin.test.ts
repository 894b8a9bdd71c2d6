import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeEcho, makePrint, makeWork } from '../../../src/handlers/builtin.ts';
import { fibonacci, largestIndex, makeFibonacci } from '../../../src/handlers/fibonacci.ts';
import { makeHandler } from '../../../src/handlers/make.ts';
import { replaceTime, type Time, time } from '../../../src/time.ts';
import { handleOne, makeHost, makeMessage, rejection } from '../../fixtures/handlers/host.ts';

const temporary = mkdtempSync(join(tmpdir(), 'mq-builtin-'));
test.after(() => rmSync(temporary, { recursive: true }));
const consume = { behaviour: 'consume', folder: undefined } as const;
const reply = { behaviour: 'reply', folder: undefined } as const;

test('print acknowledges the message, and the role prints the body', async () => {
  assert.is(makePrint().prints, 'role');
  assert.equal(await handleOne(makePrint(), makeMessage('a')), { type: 'ack' });
});

test('echo replies with the body and the content type of the request', async () => {
  const body = Buffer.from([0, 255, 13, 10]);
  const outcome = await handleOne(makeEcho(), makeMessage(body, { properties: { contentType: 'image/png' } }));
  assert.equal(outcome, { type: 'ack', reply: { body, contentType: 'image/png' } });
  assert.equal(await handleOne(makeEcho(), makeMessage('a')), { type: 'ack', reply: { body: Buffer.from('a') } });
});

test('work sleeps a second for each dot in the body', async () => {
  assert.equal(await sleepsOf('a.b..'), [1000, 1000, 1000]);
});

test('work does not sleep for the dots of a body that is not text', async () => {
  assert.equal(await sleepsOf(Buffer.from([0xff, 0xd8, ...Buffer.from('...')])), []);
});

test('work hands its message back when it is aborted', async () => {
  const giveUp = new AbortController();
  const outcome = makeWork().handle(makeMessage('.'.repeat(1_000_000)), { signal: giveUp.signal });
  giveUp.abort();
  assert.equal(await outcome, { type: 'hand-back' });
});

test('work that exceeds its deadline is retried', async () => {
  const handler = await makeHandler({ builtin: 'work', timeout: 20 }, makeHost(), consume);
  assert.equal(await handleOne(handler, makeMessage('...')), {
    type: 'retry',
    reason: 'the handler did not end within 0.02 s',
  });
});

test('the time limit of the command line overrides the one in rascal.json', async () => {
  const handler = await makeHandler({ builtin: 'work', timeout: 60_000 }, makeHost({ timeoutMs: 10 }), consume);
  assert.equal(await handleOne(handler, makeMessage('...')), {
    type: 'retry',
    reason: 'the handler did not end within 0.01 s',
  });
});

test('fibonacci is exact from 0 to 1000', () => {
  let [here, next] = [0n, 1n];
  for (let index = 0; index <= 1000; index++) {
    assert.is(fibonacci(index), here, `fibonacci(${index})`);
    [here, next] = [next, here + next];
  }
});

test('fibonacci replies in decimal text and ignores surrounding white space', async () => {
  for (const [body, expected] of [
    ['0', '0'],
    ['1', '1'],
    [' 30\r\n', '832040'],
    ['007', '13'],
    ['100', '354224848179261915075'],
  ] as const) {
    const outcome = await handleOne(await makeHandler({ builtin: 'fibonacci' }, makeHost(), reply), makeMessage(body));
    assert.equal(outcome, { type: 'ack', reply: { body: Buffer.from(expected), contentType: 'text/plain' } });
  }
});

for (const body of [
  '-1',
  'abc',
  '',
  ' ',
  '1.5',
  '1e3',
  '0x10',
  '+1',
  '1\0',
  '٣',
  String(largestIndex + 1),
  '9'.repeat(50),
  '1'.repeat(1e6),
]) {
  test(`fibonacci replies with an error to ${JSON.stringify(body).slice(0, 60)}`, async () => {
    const outcome = await handleOne(makeFibonacci(), makeMessage(body));
    assert.is(outcome.type, 'ack');
    if (outcome.type !== 'ack') return;
    assert.match(outcome.reply?.error ?? '', /^fibonacci: .{1,150}$/);
    assert.is(outcome.reply?.body.toString(), outcome.reply?.error);
  });
}

test('fibonacci returns to the event loop between two messages', async () => {
  const handler = makeFibonacci();
  const { signal } = new AbortController();
  const order: string[] = [];
  const first = Promise.resolve(handler.handle(makeMessage('1'), { signal })).then(() => {
    order.push('first');
    setImmediate(() => order.push('turn'));
  });
  const second = Promise.resolve(handler.handle(makeMessage('2'), { signal })).then(() => order.push('second'));
  const third = Promise.resolve(handler.handle(makeMessage('3'), { signal })).then(() => order.push('third'));
  await Promise.all([first, second, third]);
  assert.ok(order.indexOf('turn') < order.indexOf('third') && order.includes('turn'), order.join());
});

test('append writes one line for each message, in the order of the messages', async () => {
  const file = join(temporary, 'order');
  const handler = await makeHandler({ file }, makeHost(), consume);
  const { signal } = new AbortController();
  const bodies = Array.from({ length: 200 }, (_, index) => `line ${index} ${'x'.repeat(index * 100)}`);
  const outcomes = await Promise.all(bodies.map((body) => handler.handle(makeMessage(body), { signal })));
  assert.ok(outcomes.every(({ type }) => type === 'ack'));
  assert.is(readFileSync(file, 'utf8'), `${bodies.join('\n')}\n`);
  await handler.close();
});

test('append starts a new line if the file ends in the middle of a line', async () => {
  const file = join(temporary, 'cut');
  writeFileSync(file, 'whole\nhal');
  await handleOne(await makeHandler({ file }, makeHost(), consume), makeMessage('new'));
  assert.is(readFileSync(file, 'utf8'), 'whole\nhal\nnew\n');
});

test('append creates a new file if the old one was moved', async () => {
  const file = join(temporary, 'moved');
  const handler = await makeHandler({ file: 'moved' }, makeHost({ cwd: temporary }), consume);
  const { signal } = new AbortController();
  await handler.handle(makeMessage('one'), { signal });
  renameSync(file, `${file}.1`);
  await handler.handle(makeMessage('two'), { signal });
  rmSync(file);
  await handler.handle(makeMessage('three'), { signal });
  assert.is(readFileSync(`${file}.1`, 'utf8'), 'one\n');
  assert.is(readFileSync(file, 'utf8'), 'three\n');
  await handler.close();
});

test('append throws CANNOT_CREATE for a bad file before any message', async () => {
  for (const [file, reason] of [
    ['no-folder/file', 'no such file or directory'],
    ['.', 'illegal operation on a directory'],
  ] as const) {
    const error = await rejection(makeHandler({ file }, makeHost({ cwd: temporary }), consume));
    assert.is(error.code, 'CANNOT_CREATE');
    assert.is(error.message, `cannot append to ${file}: ${reason}`);
  }
});

test('append to a pipe without a reader fails instead of hanging', async () => {
  const file = join(temporary, 'pipe');
  execFileSync('mkfifo', [file]);
  assert.is((await rejection(makeHandler({ file }, makeHost(), consume))).code, 'CANNOT_CREATE');
});

test('append on a full disk stops the role and hands the message back', async () => {
  const handler = await makeHandler({ file: '/dev/full' }, makeHost(), consume);
  const outcome = await handleOne(handler, makeMessage('a'));
  assert.is(outcome.type, 'stop');
  if (outcome.type !== 'stop') return;
  assert.is(outcome.error.code, 'IO');
  assert.is(outcome.error.message, 'cannot append to /dev/full: no space left on device');
});

test('append without a file is a usage error', async () => {
  assert.is((await rejection(makeHandler({ builtin: 'append' }, makeHost(), consume))).code, 'USAGE');
});

/** Returns the milliseconds of each sleep for a body. */
async function sleepsOf(body: string | Buffer): Promise<number[]> {
  const sleeps: number[] = [];
  const after: Time['after'] = (milliseconds, run) => {
    sleeps.push(milliseconds);
    return time.nextTurn(run);
  };
  const restore = replaceTime({ ...time, after });
  try {
    assert.equal(await handleOne(makeWork(), makeMessage(body)), { type: 'ack' });
  } finally {
    restore();
  }
  return sleeps;
}

test.run();
