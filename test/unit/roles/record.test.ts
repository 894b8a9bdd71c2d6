// mq record writes what it received, and reports no more than that.

import { PassThrough, Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context, Output } from '../../../src/context.ts';
import { MqError } from '../../../src/errors.ts';
import { recordLive } from '../../../src/roles/record.ts';
import type { RawMessage } from '../../../src/session/wire.ts';
import { emptyFolder } from '../../support/mq.ts';
import { readRecording } from '../../support/recording.ts';

const raw: RawMessage = {
  content: Buffer.from('x'),
  fields: { consumerTag: '', deliveryTag: 1, exchange: 'e', routingKey: 'k', redelivered: false },
  properties: {},
};

/** Records this number of messages, after which the connection is lost. Returns the error and the last note. */
async function record(count: number, { cwd, path, stdout }: { cwd: string; path: string; stdout: Output }) {
  const notes: string[] = [];
  const live = {
    names: 'e',
    missed: { count: 0 },
    async *messages() {
      for (let sent = 0; sent < count; sent += 1) yield { raw };
      throw new MqError('UNAVAILABLE', 'the connection is lost');
    },
    stop() {},
    async close() {},
  };
  const signal = new AbortController().signal;
  const settings = { path, count: Number.POSITIVE_INFINITY, signal, note: (text: string) => notes.push(text) };
  const error = await recordLive({ cwd, stdout } as unknown as Context, live, settings).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, note: notes.at(-1) };
}

test('reports a connection that is lost while messages are written', async () => {
  const cwd = emptyFolder();
  const stray: unknown[] = [];
  const onStray = (error: unknown) => stray.push(error);
  process.on('unhandledRejection', onStray);
  try {
    // 100 messages are written together.
    const { error, note } = await record(100, { cwd, path: 'a.ndjson', stdout: new PassThrough() });
    assert.instance(error, MqError);
    assert.equal([(error as MqError).code, stray, note], ['UNAVAILABLE', [], '100 messages recorded']);
    assert.is((await readRecording(cwd, 'a.ndjson')).length, 100);
  } finally {
    process.off('unhandledRejection', onStray);
  }
});

test('does not complete a failed recording without a message', async () => {
  const cwd = emptyFolder();
  const { error, note } = await record(0, { cwd, path: 'a.ndjson', stdout: new PassThrough() });
  assert.equal([(error as MqError).code, note], ['UNAVAILABLE', '0 messages recorded']);
  const reading = readRecording(cwd, 'a.ndjson').then(
    () => '',
    ({ message }) => message,
  );
  assert.match(await reading, 'it has no last line');
});

test('does not count messages that could not be written', async () => {
  let lines = 0;
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      lines += 1;
      done(lines > 1 ? Object.assign(new Error('no space'), { code: 'ENOSPC' }) : null);
    },
  });
  stdout.on('error', () => undefined);
  const { error, note } = await record(5, { cwd: emptyFolder(), path: '-', stdout });
  assert.equal([(error as MqError).code, note], ['IO', '0 messages recorded']);
});

test.run();
