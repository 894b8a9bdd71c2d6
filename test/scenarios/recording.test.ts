// A recording and its replay keep every byte and type of the messages, and the order.
//   MQ_RECORDING_SEED   selects the messages
//   MQ_RECORDING_COUNT  number of messages for each type of queue

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RecordedMessage } from '../../src/roles/recording/line.ts';
import { Stripper } from '../../src/roles/recording/stripped.ts';
import { propertyBytes, readProperties, receivedForm } from '../../src/session/codec/content-header.ts';
import { readFields } from '../../src/session/codec/field-table.ts';
import { type CorpusMessage, randomMessage } from '../support/corpus.ts';
import { emptyFolder } from '../support/mq.ts';
import { countOf, randomOf, seedOf } from '../support/random.ts';
import { readRecording, writeRecording } from '../support/recording.ts';
import { testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';
import { testBroker } from '../support/vhost.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

// mq reads the delivery limit of a quorum queue on RabbitMQ 4.0.
const env = { MQ_MANAGEMENT_URL: roles.vhost.managementUrls.join(',') };
const seed = seedOf('MQ_RECORDING_SEED');
const count = countOf('MQ_RECORDING_COUNT', testBroker().cluster === undefined ? 1000 : 300);

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

const stripper = new Stripper({ user: undefined, keepsCopies: false });

/**
 * Returns the bytes of the properties that travel.
 * @param isSorted ignores the order of the headers, because RabbitMQ sorts them
 */
function bytesOf(properties: RecordedMessage['properties'], isSorted: boolean): string {
  const { headers, ...others } = stripper.strip(properties);
  if (!isSorted || headers === undefined) return propertyBytes(stripper.strip(properties)).toString('hex');
  // The table follows the flags and its length, because no other property precedes it.
  const table = propertyBytes({ ...receivedForm(properties), headers }).subarray(6);
  const fields = readFields(table).fields.map(({ bytes }) => bytes.toString('hex'));
  return [propertyBytes(others).toString('hex'), ...fields.sort()].join(' ');
}

async function heldIn(cwd: string, queue: string): Promise<number> {
  const file = `held-${queue}.ndjson`;
  assert.is((await roles.run(['record', file, '--from', queue], { cwd, env })).status, 0);
  return (await readRecording(cwd, file)).length;
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
    const made = messages.map(({ body, properties }) => ({ body, properties: readProperties(properties), time: 0 }));
    await writeRecording(cwd, 'made.ndjson', made);
    let from = 'made.ndjson';
    for (const [to, file, more] of [
      [queue, 'first.ndjson.zst', []],
      [other, 'second.ndjson.gz', ['--remove']],
    ] as const) {
      const sent = await roles.run(['replay', from, '--now', '--to', `queue:${to}`], { cwd });
      assert.is(sent.status, 0, sent.stderr);
      const kept = await roles.run(['record', file, '--from', to, ...more], { cwd, env });
      assert.is(kept.status, 0, kept.stderr);
      const found = await readRecording(cwd, file);
      // A quorum queue delivers messages with a high priority first.
      const textsOf = (all: readonly Pick<RecordedMessage, 'properties' | 'body'>[]) => {
        const texts = all.map(
          ({ properties, body }) => `${bytesOf(properties, from === 'made.ndjson')} ${hashOf(body)}`,
        );
        return type === 'quorum' ? texts.sort() : texts;
      };
      const expected = textsOf(from === 'made.ndjson' ? made : await readRecording(cwd, from));
      const actual = textsOf(found);
      assert.is(actual.length, count);
      for (const [index, message] of expected.entries())
        assert.is(actual[index], message, `message ${index} of ${file}`);
      from = file;
    }
    // The management API of RabbitMQ fails for some of these properties.
    assert.equal([await heldIn(cwd, queue), await heldIn(cwd, other)], [count, 0]);
  });
}

/** Returns messages with these bodies, without properties. */
function bodies(count: number, properties = {}) {
  return Array.from({ length: count }, (_, number) => ({
    ...{
      body: Buffer.from(`${number + 1}`),
      properties: { messageId: `m-${number + 1}`, ...properties },
      time: number,
    },
  }));
}

test('a replay continues after the messages that an earlier run has sent', async () => {
  const cwd = await folder({ 'rec-skip': 'quorum' });
  await writeRecording(cwd, 'ten.ndjson', bodies(10));
  const to = ['--to', 'queue:rec-skip', '--now'];
  assert.is((await roles.run(['replay', 'ten.ndjson', '--skip', '7', ...to], { cwd })).status, 0);
  assert.equal(
    (await roles.take('rec-skip', 3)).map(({ payload }) => payload),
    ['8', '9', '10'],
  );
  const missing = await roles.run(['replay', 'ten.ndjson', '--now', '--to', 'queue:rec-none', '--json'], { cwd });
  assert.is(missing.status, 67, missing.stderr);
  assert.is(missing.stdout.match(/"outcome":"refused","code":"UNROUTABLE"/g)?.length, 10);
  const unknown = await roles.run(['replay', 'ten.ndjson', '--now', '--to', 'exchange:rec-none'], { cwd });
  assert.equal([unknown.status, /no exchange 'rec-none', and nothing was sent/.test(unknown.stderr)], [78, true]);
});

test('a replay maps exchanges and keys, and sends to a publication', async () => {
  const cwd = await folder({ 'rec-a': 'classic', 'rec-b': 'classic' });
  const at = (exchange: string, routingKey: string) => bodies(1).map((one) => ({ ...one, exchange, routingKey }));
  await writeRecording(cwd, 'one.ndjson', [...at('', 'rec-a'), ...at('old', 'rec-a')]);
  const run = async (...args: string[]) => {
    const { status, stderr } = await roles.run(['replay', 'one.ndjson', '--now', ...args], { cwd });
    assert.is(status, 0, stderr);
  };
  await run('--map', 'exchange:old=', '--map', 'key:rec-a=rec-b');
  await roles.take('rec-b', 2);
  await run('--map', 'old=amq.direct', '--map', 'rec-a=rec-b', '--to', 'rec-a');
  await roles.take('rec-a', 2);
  await run('--map', 'old=');
  await roles.take('rec-a', 2);
});

test('a replay refuses a mapping of a name that no message has', async () => {
  const cwd = await folder({ 'rec-typo': 'classic' });
  await writeRecording(
    cwd,
    'two.ndjson',
    bodies(2, {}).map((one) => ({ ...one, routingKey: 'rec-typo' })),
  );
  const { status, stderr } = await roles.run(['replay', 'two.ndjson', '--now', '--map', 'rec-tpyo=rec-other'], { cwd });
  assert.is(status, 64, stderr);
  assert.is(await roles.held('rec-typo'), 0);
});

test('a replay of a recording without messages accepts a mapping', async () => {
  const cwd = await folder({});
  await writeRecording(cwd, 'none.ndjson', []);
  const { status, stderr } = await roles.run(['replay', 'none.ndjson', '--now', '--map', 'rec-a=rec-b'], { cwd });
  assert.is(status, 0, stderr);
  assert.match(stderr, /^mq replay: 0 messages confirmed$/m);
});

test('a replay continues after a message that cannot be sent, and names it', async () => {
  const cwd = await folder({ 'rec-unread': 'classic' });
  const [first, second, third] = bodies(3);
  assert.ok(first && second && third);
  // A table with one header of an unknown type.
  const properties = readProperties(Buffer.from([0x20, 0, 0, 0, 0, 3, 1, 0x61, 0x5a]));
  const damaged = { ...second, properties };
  await writeRecording(cwd, 'damaged.ndjson', [first, damaged, third]);
  const { status, stderr } = await roles.run(['replay', 'damaged.ndjson', '--now', '--to', 'queue:rec-unread'], {
    cwd,
  });
  assert.is(status, 65, stderr);
  assert.match(stderr, /^mq replay: message 2 cannot be sent: /m);
  assert.match(stderr, /^mq replay: 2 messages confirmed; --skip 1 continues$/m);
  await roles.take('rec-unread', 2);
});

test('a replay removes what must not travel, and reports it', async () => {
  const cwd = await folder({ 'rec-strip': 'classic', 'rec-copy': 'classic' });
  const headers = {
    ...{ 'x-death': [{ count: 1 }], 'x-first-death-queue': 'a', 'x-delivery-count': 3, 'x-mq-attempt': 4 },
    ...{ CC: ['rec-copy'], kept: 1 },
  };
  const properties = { headers, userId: 'nobody', replyTo: 'amq.rabbitmq.reply-to.g1h2', correlationId: 'c' };
  await writeRecording(cwd, 'strip.ndjson', bodies(2, properties));
  const sent = await roles.run(['replay', 'strip.ndjson', '--now', '--to', 'queue:rec-strip'], { cwd });
  assert.is(sent.status, 0, sent.stderr);
  for (const name of ['x-death', 'x-first-death-\\*', 'x-delivery-count', 'x-mq-\\*', 'CC', 'user-id', 'reply-to'])
    assert.match(sent.stderr, new RegExp(`^mq replay: removed ${name} from 2 messages$`, 'm'));
  const [first] = await roles.take('rec-strip', 2);
  assert.equal(first?.properties.headers, { kept: 1 });
  assert.equal([first?.properties['reply_to'], first?.properties['user_id']], [undefined, undefined]);
  assert.is(await roles.held('rec-copy'), 0);
  assert.is(
    (await roles.run(['replay', 'strip.ndjson', '--now', '--cc', '--to', 'queue:rec-strip'], { cwd })).status,
    0,
  );
  await roles.take('rec-copy', 2);
});

test('a cut or changed recording is refused before anything is sent', async () => {
  const cwd = await folder({ 'rec-cut': 'classic' });
  await writeRecording(cwd, 'whole.ndjson', bodies(5));
  const text = readFileSync(join(cwd, 'whole.ndjson'), 'utf8');
  writeFileSync(join(cwd, 'cut.ndjson'), text.slice(0, text.indexOf('"m-4"')));
  writeFileSync(join(cwd, 'changed.ndjson'), text.replace('"body":"2"', '"body":"3"'));
  const to = ['--to', 'queue:rec-cut', '--now'];
  for (const [file, line] of [
    [
      'cut.ndjson',
      'mq replay: cut.ndjson: it has no last line, so it was cut off after 3 messages; nothing was sent [BAD_DATA]',
    ],
    [
      'changed.ndjson',
      'mq replay: changed.ndjson: its hash differs, so it was changed after the recording; nothing was sent [BAD_DATA]',
    ],
  ] as const) {
    const { status, stderr } = await roles.run(['replay', file, ...to], { cwd });
    assert.equal([status, stderr.split('\n')[0]], [65, line]);
  }
  assert.is(await roles.held('rec-cut'), 0);
  assert.is((await roles.run(['replay', 'cut.ndjson', '--partial', ...to], { cwd })).status, 0);
  await roles.take('rec-cut', 3);
  // A stream of standard input is checked at its end.
  const piped = await roles.run(['replay', '-', ...to], { cwd, input: text.slice(0, text.indexOf('"m-4"')) });
  assert.equal([piped.status, /its messages were sent/.test(piped.stderr)], [65, true]);
});

test('messages that a killed mq record has not stored stay in the queue', async () => {
  const cwd = await folder({ 'rec-kill': 'quorum' });
  await writeRecording(cwd, 'made.ndjson', bodies(3000));
  assert.is((await roles.run(['replay', 'made.ndjson', '--now', '--to', 'queue:rec-kill'], { cwd })).status, 0);
  const path = join(cwd, 'drained.ndjson.zst');
  const recording = roles.start(['record', path, '--from', 'rec-kill', '--remove'], { cwd });
  await until('a part of the file', () => existsSync(path) && statSync(path).size > 2000);
  recording.kill('SIGKILL');
  await recording.ended;
  const sent = await roles.run(['replay', path, '--partial', '--now', '--to', 'queue:rec-kill'], { cwd });
  assert.is(sent.status, 0, sent.stderr);
  const ids = new Set<string | undefined>();
  let runs = 0;
  // The broker returns the unacknowledged messages of the killed process a moment later.
  await until('all messages', async () => {
    runs += 1;
    const rest = await roles.run(['record', `rest-${runs}.ndjson`, '--from', 'rec-kill', '--remove'], { cwd });
    assert.is(rest.status, 0, rest.stderr);
    for (const { properties } of await readRecording(cwd, `rest-${runs}.ndjson`)) ids.add(properties.messageId);
    return ids.size === 3000;
  });
});

test('a recording of exchanges has every message until the signal', async () => {
  const cwd = await folder({ 'rec-live': 'classic' });
  const recording = roles.start(['record', 'live.ndjson', 'amq.topic:order.#'], { cwd });
  await recording.prints(/waiting for messages/, 'stderr');
  const input = Array.from({ length: 200 }, (_, number) => `${number}\n`).join('');
  const publish = ['publish', '--exchange', 'amq.topic', '--lines', '--routing-key'];
  assert.is((await roles.run([...publish, 'order.paid'], { cwd, input })).status, 0);
  assert.is((await roles.run([...publish, 'bill', '--no-mandatory'], { cwd, input })).status, 0);
  const { status, stderr } = await recording.stop();
  assert.is(status, 0, stderr);
  const found = await readRecording(cwd, 'live.ndjson');
  assert.equal(
    found.map(({ body, routingKey }) => `${routingKey} ${body}`),
    input
      .trimEnd()
      .split('\n')
      .map((line) => `order.paid ${line}`),
  );
});

test.run();
