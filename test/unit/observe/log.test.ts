// Tests the log: text, JSON, and at most ten lines of one event per minute.

import { Writable } from 'node:stream';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogLevel } from '../../../src/config/role.ts';
import { Log } from '../../../src/observe/log.ts';

function opened(format: 'text' | 'json', level?: LogLevel): { log: Log; shown: () => string[] } {
  let text = '';
  const stderr = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, next) {
      text += chunk;
      next();
    },
  });
  const log = new Log({ stderr, role: 'worker', format, ...(level && { level }) });
  const shown = () => {
    const lines = text.split('\n').slice(0, -1);
    text = '';
    return lines;
  };
  return { log, shown };
}

test('prints the message, or the command and the message, as text', () => {
  const { log, shown } = opened('text');
  log.say({ event: 'a', message: 'one', fields: { n: 1 } });
  log.sayNamed({ event: 'b', message: 'two' });
  assert.equal(shown(), ['one', 'mq worker: two']);
});

test('prints time, level, role, event, message and fields as JSON', () => {
  const { log, shown } = opened('json');
  log.sayNamed({ level: 'warn', event: 'lost', message: 'a\nb', fields: { code: 'UNAVAILABLE' } });
  const [line = ''] = shown();
  const { time, ...rest } = JSON.parse(line);
  assert.is(new Date(time).toISOString(), time);
  assert.equal(rest, { level: 'warn', role: 'worker', event: 'lost', message: 'a\nb', code: 'UNAVAILABLE' });
});

test('a line about a message has its id, queue and attempt', () => {
  const fields = { messageId: 'm1', queue: 'orders', attempt: 2 };
  const said = { event: 'retry', message: 'attempt failed', fields };
  const text = opened('text');
  text.log.say(said);
  text.log.say({ ...said, message: 'attempt 2 failed', fields: { ...fields, messageId: undefined } });
  assert.equal(text.shown(), [
    'attempt failed (message m1, queue orders, attempt 2)',
    'attempt 2 failed (queue orders)',
  ]);
  const json = opened('json');
  json.log.say(said);
  const { messageId, queue, attempt } = JSON.parse(json.shown()[0] ?? '');
  assert.equal({ messageId, queue, attempt }, fields);
});

test('omits lines below the level, and limits neither debug lines nor records', () => {
  const { log, shown } = opened('text', 'warn');
  for (const level of ['debug', 'info', 'warn', 'error'] as const) log.say({ level, event: level, message: level });
  assert.equal(shown(), ['warn', 'error']);
  const all = opened('text', 'debug');
  for (let n = 1; n <= 20; n += 1) all.log.say({ level: 'debug', event: 'ack', message: `done ${n}` });
  for (let n = 1; n <= 20; n += 1) all.log.say({ event: 'drop', isRecord: true, message: `dropped ${n}` });
  assert.is(all.shown().length, 40);
});

test('prints nine lines of one event per minute, and one line for the others', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { log, shown } = opened('text');
    for (let n = 1; n <= 1000; n += 1) log.say({ event: 'retry', message: `failed ${n}` });
    log.say({ event: 'lost', message: 'lost' });
    assert.equal(shown(), [...Array.from({ length: 9 }, (_, at) => `failed ${at + 1}`), 'lost']);
    mock.timers.tick(60_000);
    assert.equal(shown(), ['failed 1000 (the last of 991 more within a minute)']);
    log.say({ event: 'retry', message: 'failed 1001' });
    assert.equal(shown(), ['failed 1001']);
    mock.timers.tick(60_000);
    assert.equal(shown(), []);
  } finally {
    mock.timers.reset();
  }
});

test('prints the number of suppressed lines when the log is closed', () => {
  const { log, shown } = opened('json');
  for (let n = 1; n <= 12; n += 1) log.say({ event: 'retry', message: `failed ${n}` });
  log.close();
  const last = JSON.parse(shown().at(-1) ?? '');
  assert.equal([last.message, last.repeated], ['failed 12 (the last of 3 more within a minute)', 3]);
});

test("prints each line of a user's program, with complete characters", () => {
  const { log, shown } = opened('json');
  const output = log.output('handler');
  const bytes = Buffer.from('é one\ntwo\nthree');
  for (const byte of bytes) output.write(Buffer.of(byte));
  for (let n = 0; n < 20; n += 1) output.write('\n');
  output.end();
  const messages = shown().map((line) => JSON.parse(line).message);
  assert.equal(messages, ['é one', 'two', 'three', ...Array.from({ length: 19 }, () => '')]);
});

test('a line without an end does not accumulate in memory', () => {
  const { log, shown } = opened('json');
  const output = log.output('handler');
  for (let n = 0; n < 100; n += 1) output.write('x'.repeat(10_000));
  assert.ok(shown().length >= 10);
});

test('passes the stderr of a program unchanged as text', () => {
  const stderr = new Writable();
  assert.is(new Log({ stderr, role: 'worker', format: 'text' }).output('handler'), stderr);
});

test.run();
