// A recording and its replay keep every byte and type of the messages, and the order.
//   MQ_RECORDING_SEED   selects the messages
//   MQ_RECORDING_COUNT  number of messages for each type of queue

import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RecordedMessage } from '../../src/roles/recording/line.ts';
import { RecordingReader } from '../../src/roles/recording/reader.ts';
import { Stripper } from '../../src/roles/recording/stripped.ts';
import { RecordingWriter } from '../../src/roles/recording/writer.ts';
import { propertyBytes, readProperties } from '../../src/session/codec/content-header.ts';
import { type CorpusMessage, randomMessage } from '../support/corpus.ts';
import { emptyFolder } from '../support/mq.ts';
import { countOf, randomOf, seedOf } from '../support/random.ts';
import { testRoles } from '../support/roles.ts';
import { testBroker } from '../support/vhost.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const seed = seedOf('MQ_RECORDING_SEED');
const count = countOf('MQ_RECORDING_COUNT', testBroker().cluster === undefined ? 2000 : 500);

/** Declares a queue for each type, and returns the folder of its rascal.json. */
async function folder(queues: Readonly<Record<string, string>>): Promise<string> {
  const all = Object.entries(queues).map(([name, type]) => [
    name,
    { options: { durable: true, arguments: { 'x-queue-type': type } } },
  ]);
  const publications = Object.fromEntries(Object.keys(queues).map((queue) => [queue, { queue }]));
  const config = { vhosts: { '/': { queues: Object.fromEntries(all) } }, publications };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  assert.is((await roles.run(['declare'], { cwd })).status, 0);
  return cwd;
}

async function written(cwd: string, path: string, messages: readonly CorpusMessage[]): Promise<void> {
  const writer = await RecordingWriter.create({ path, cwd, stdout: new PassThrough(), source: 'the test' });
  for (const { properties, body } of messages) {
    const fields = { exchange: '', routingKey: 'nowhere', redelivered: false };
    writer.add({ ...fields, body, properties: readProperties(properties), time: 1_700_000_000_000 });
  }
  await writer.end();
  await writer.close();
}

async function recorded(cwd: string, path: string): Promise<RecordedMessage[]> {
  const reader = new RecordingReader({ path, cwd, stdin: () => new PassThrough() });
  const all: RecordedMessage[] = [];
  for await (const batch of reader.messages(new AbortController().signal)) all.push(...batch);
  assert.is(reader.problem, undefined);
  return all;
}

const stripper = new Stripper({ user: undefined, keepsCopies: false });

/** Returns the bytes of the properties that travel. */
function bytesOf(properties: RecordedMessage['properties']): string {
  return propertyBytes(stripper.strip(properties)).toString('hex');
}

function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

for (const type of ['classic', 'quorum']) {
  test(`record and replay keep ${count} random messages of a ${type} queue (seed ${seed})`, async () => {
    const [queue, other] = [`rec-${type}`, `rec-${type}-2`];
    const cwd = await folder({ [queue]: type, [other]: type });
    const random = randomOf(seed);
    const messages: CorpusMessage[] = [];
    while (messages.length < count) {
      const message = randomMessage(random, { isPlain: true });
      // Properties must fit into one frame.
      if (message.properties.length < 60_000) messages.push(message);
    }
    await written(cwd, 'made.ndjson', messages);
    let from = 'made.ndjson';
    for (const [to, file, more] of [
      [queue, 'first.ndjson.zst', []],
      [other, 'second.ndjson.gz', ['--drain']],
    ] as const) {
      const sent = await roles.run(['replay', from, '--now', '--to', `queue:${to}`], { cwd });
      assert.is(sent.status, 0, sent.stderr);
      const kept = await roles.run(['record', file, '--from', to, ...more], { cwd });
      assert.is(kept.status, 0, kept.stderr);
      const found = await recorded(cwd, file);
      // A quorum queue delivers messages with a high priority first.
      const order = (all: string[]) => (type === 'quorum' ? all.sort() : all);
      const expected = order(
        messages.map(({ properties, body }) => `${bytesOf(readProperties(properties))} ${hashOf(body)}`),
      );
      const actual = order(found.map(({ properties, body }) => `${bytesOf(properties)} ${hashOf(body)}`));
      assert.is(actual.length, count);
      for (const [index, message] of expected.entries())
        assert.is(actual[index], message, `message ${index} of ${file}`);
      from = file;
    }
    assert.is(await roles.held(queue), count);
    assert.is(await roles.held(other), 0);
  });
}

test.run();
