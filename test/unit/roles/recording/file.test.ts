// A recording is complete with its last line, and each committed part of it can be read after a crash.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RecordingReader } from '../../../../src/roles/recording/reader.ts';
import { RecordingWriter } from '../../../../src/roles/recording/writer.ts';
import { emptyFolder } from '../../../support/mq.ts';
import { type MadeMessage, readRecording, writeRecording } from '../../../support/recording.ts';
import { until } from '../../../support/until.ts';

const messages: readonly MadeMessage[] = Array.from({ length: 300 }, (_, number) => ({
  ...{ body: Buffer.from(`${number}\n`), properties: {}, time: 1000 + number * 10 },
}));

/** Returns the number of messages that can be read, and why the recording is not intact. */
async function read(cwd: string, path: string): Promise<[number, string | undefined]> {
  const reader = new RecordingReader({ path, cwd, stdin: () => new PassThrough() });
  let count = 0;
  for await (const batch of reader.messages(new AbortController().signal)) count += batch.length;
  return [count, reader.problem];
}

for (const path of ['a.ndjson', 'a.ndjson.gz', 'a.ndjson.zst']) {
  test(`${path}: keeps the messages and their times`, async () => {
    const cwd = emptyFolder();
    await writeRecording(cwd, path, messages);
    const found = await readRecording(cwd, path);
    assert.equal(
      found.map(({ body, at, time }) => [`${body}`, at, time]),
      messages.map(({ body, time }) => [`${body}`, time - 1000, time]),
    );
  });

  test(`${path}: a committed message can be read before the end`, async () => {
    const cwd = emptyFolder();
    const writer = await RecordingWriter.create({ path, cwd, stdout: new PassThrough(), source: 'a test' });
    const fields = { exchange: '', routingKey: 'k', redelivered: false };
    for (const message of messages.slice(0, 200)) writer.add({ ...fields, ...message });
    await writer.commit({ isDurable: true });
    for (const message of messages.slice(200)) writer.add({ ...fields, ...message });
    const cut = 'it has no last line, so it was cut off after 200 messages';
    assert.equal(await read(cwd, path), [200, cut]);
    await writer.close();
  });

  test(`${path}: a slow reader of a cut file finds every committed message`, async () => {
    const cwd = emptyFolder();
    const writer = await RecordingWriter.create({ path, cwd, stdout: new PassThrough(), source: 'a test' });
    for (let number = 0; number < 3000; number += 1) {
      const properties = { messageId: `m-${number}` };
      writer.add({
        exchange: '',
        routingKey: 'k',
        redelivered: false,
        body: Buffer.from('x'),
        properties,
        time: number,
      });
      if (number % 100 === 99) await writer.commit({ isDurable: false });
    }
    await writer.close();
    const reader = new RecordingReader({ path, cwd, stdin: () => new PassThrough() });
    let count = 0;
    for await (const batch of reader.messages(new AbortController().signal)) {
      count += batch.length;
      // While the reader waits, the decompressor reaches the end of the file.
      await delay(20);
    }
    assert.is(count, 3000);
  });

  test(`${path}: a file that is cut anywhere is not intact`, async () => {
    const cwd = emptyFolder();
    await writeRecording(cwd, path, messages);
    const { length } = readFileSync(join(cwd, path));
    for (let size = length - 1; size > length / 2; size -= Math.ceil(length / 40)) {
      truncateSync(join(cwd, path), size);
      const [count, problem] = await read(cwd, path);
      // The last byte of a plain file is only the newline of the last line.
      if (size < length - 1) assert.is(problem, `it has no last line, so it was cut off after ${count} messages`);
    }
  });
}

test('a change of a message or of the count is found', async () => {
  const cwd = emptyFolder();
  await writeRecording(cwd, 'a.ndjson', messages);
  const text = readFileSync(join(cwd, 'a.ndjson'), 'utf8');
  const problemOf = async (changed: string) => {
    writeFileSync(join(cwd, 'b.ndjson'), changed);
    return (await read(cwd, 'b.ndjson'))[1];
  };
  assert.is(
    await problemOf(text.replace('"body":"7\\n"', '"body":"8\\n"')),
    'its hash differs, so it was changed after the recording',
  );
  const lines = text.split('\n');
  assert.is(await problemOf(lines.toSpliced(5, 1).join('\n')), 'its last line counts 300 messages, but it has 299');
  assert.is(await problemOf(`${text}{}\n`), 'it has lines after its last line');
  assert.is(await problemOf(text), undefined);
});

test('a file that is no recording is refused with its cause', async () => {
  const cwd = emptyFolder({ 'b.ndjson': '{\n', 'c.ndjson.gz': '{}', 'd.ndjson.zst': '{}' });
  writeFileSync(join(cwd, 'a.ndjson'), gzipSync('{}'));
  const causes = {
    'a.ndjson': /compressed \(gzip\), but its name/,
    'b.ndjson': /each message must be one line \(jq -c\)/,
    'c.ndjson.gz': /is not compressed, but its name/,
    'd.ndjson.zst': /is not compressed, but its name/,
  };
  for (const [path, cause] of Object.entries(causes)) {
    const { code, message } = await read(cwd, path).then(
      () => assert.unreachable(path),
      (error) => error,
    );
    assert.is(code, 'BAD_DATA', message);
    assert.match(message, cause);
  }
});

test('a named pipe without a reader is refused', async () => {
  const cwd = emptyFolder();
  execFileSync('mkfifo', [join(cwd, 'pipe')]);
  const made = RecordingWriter.create({ path: 'pipe', cwd, stdout: new PassThrough(), source: 'a test' });
  const error = await made.then(
    () => assert.unreachable(),
    (refused) => refused,
  );
  assert.equal([error.code, error.message], ['CANNOT_CREATE', 'cannot write to pipe: nothing reads this named pipe']);

  const reading = once(createReadStream(join(cwd, 'pipe')), 'data');
  await until('the pipe has a reader', () =>
    writeRecording(cwd, 'pipe', []).then(
      () => true,
      () => false,
    ),
  );
  assert.match(String((await reading)[0]), '"mq":"recording"');
});

test('an existing file is not overwritten', async () => {
  const cwd = emptyFolder({ 'a.ndjson': 'old' });
  const made = RecordingWriter.create({ path: 'a.ndjson', cwd, stdout: new PassThrough(), source: 'a test' });
  await made.then(
    () => assert.unreachable(),
    ({ code }) => assert.is(code, 'CANNOT_CREATE'),
  );
  assert.is(readFileSync(join(cwd, 'a.ndjson'), 'utf8'), 'old');
});

test.run();
