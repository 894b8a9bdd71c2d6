// Hostile messages: a receiving role handles each one or dead-letters it with the reason, continues with the next one,
// and loses nothing.

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { entry, longstr, nested, type RawProperties, rawSender, uint } from '../support/raw-message.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const sender = await rawSender(roles.vhost.urls[0] ?? '');
test.after.each(roles.killLeft);
test.after(async () => {
  await sender.close();
  await roles.end();
});

const noText = Buffer.alloc(255, 0xff);
const text = (value: string | Buffer) => longstr(value);

interface Row {
  readonly title: string;
  readonly properties: RawProperties;
  /** Reason why it is dead-lettered without an attempt. */
  readonly unhandled?: RegExp;
  /** A broker may refuse the message. */
  readonly mayBeRefused?: true;
}

const rows: readonly Row[] = [
  ...(
    [
      ['a string', entry('x-death', 'S', text('never'))],
      ['a number', entry('x-death', 'I', uint(7, 4))],
      ['nothing', entry('x-death', 'V', Buffer.alloc(0))],
      ['a table', entry('x-death', 'F', longstr(entry('queue', 'S', text('q'))))],
      ['an empty list', entry('x-death', 'A', longstr(''))],
      ['a list of strings', entry('x-death', 'A', longstr(Buffer.concat([Buffer.from('S'), text('q')])))],
      ['a list of nothing', entry('x-death', 'A', longstr('V'))],
      ['a list of an empty table', entry('x-death', 'A', longstr(Buffer.concat([Buffer.from('F'), longstr('')])))],
    ] as const
  ).map(([what, headers]): Row => ({ title: `x-death is ${what}`, properties: { headers }, mayBeRefused: true })),
  {
    title: 'the headers of Rascal',
    properties: {
      headers: Buffer.concat([
        entry('rascal', 'F', longstr(entry('recovery', 'F', longstr(entry('immediateNack', 't', uint(1, 1)))))),
        entry('rascal.originalQueue', 'S', text('elsewhere')),
      ]),
    },
  },
  {
    title: 'names of JavaScript',
    properties: {
      headers: Buffer.concat(
        ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '!'].flatMap((name) => [
          entry(name, 'F', longstr(entry('toString', 'S', text('x')))),
        ]),
      ),
    },
  },
  {
    title: '__proto__ is a table',
    properties: { headers: entry('__proto__', 'F', longstr(entry('a', 't', uint(1, 1)))) },
  },
  { title: 'tables 60 deep', properties: { headers: nested(60, 'F') } },
  // The embedded broker refuses deeper tables.
  { title: 'tables 1,000 deep', properties: { headers: nested(1000, 'F') }, mayBeRefused: true },
  ...(
    [
      ['tables 15,000 deep', nested(15_000, 'F')],
      ['lists 20,000 deep', nested(20_000, 'A')],
    ] as const
  ).map(
    ([title, headers]): Row => ({
      title,
      properties: { headers },
      unhandled: /^its headers cannot be read: /,
      mayBeRefused: true,
    }),
  ),
  {
    title: '64 KiB of headers',
    properties: {
      headers: Buffer.concat(Array.from({ length: 700 }, (_, at) => entry(`h${at}`, 'S', text('x'.repeat(90))))),
    },
  },
  { title: 'a header of 100 KiB', properties: { headers: entry('long', 'S', text('x'.repeat(100_000))) } },
  {
    title: 'a header that is not UTF-8',
    properties: { headers: Buffer.concat([entry('a', 'S', text(noText)), entry('b', 'S', text('\u0000\u001b[2J'))]) },
  },
  {
    title: 'a header name that is not UTF-8',
    properties: { headers: entry(noText.subarray(0, 100), 'S', text('x')) },
    mayBeRefused: true,
  },
  {
    // RabbitMQ: Erlang has no such number.
    title: 'a number that is NaN',
    properties: { headers: entry('nan', 'd', Buffer.from('7ff8000000000000', 'hex')) },
    mayBeRefused: true,
  },
  {
    title: 'numbers above all limits',
    properties: {
      headers: Buffer.concat([
        entry('time', 'T', Buffer.alloc(8, 0xff)),
        entry('big', 'l', Buffer.alloc(8, 0x7f)),
        entry('decimal', 'D', Buffer.from('ffffffffff', 'hex')),
      ]),
    },
  },
  { title: 'a content type and a type that are no UTF-8', properties: { contentType: noText, type: noText } },
  { title: 'a correlation id and an id that are no UTF-8', properties: { correlationId: noText, messageId: noText } },
  { title: 'a time at the end of time', properties: { timestamp: 2n ** 64n - 1n } },
  { title: 'an attempt that is no number', properties: { headers: entry('x-mq-attempt', 'S', text('many')) } },
  {
    title: 'copies to elsewhere',
    properties: { headers: entry('CC', 'S', text('elsewhere')) },
    mayBeRefused: true,
  },
];

const script = '#!/bin/sh\nbody=$(cat)\ncase $body in good*) echo "$body"; exit 0;; esac\nexit 1\n';

function place(queue: string): string {
  const config = {
    vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': 'quorum' } } } } } },
    publications: { to: { queue } },
    subscriptions: { from: { queue, prefetch: 10 } },
    mq: { retry: { attempts: 2, delays: [100] } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config), 'work.sh': script });
  chmodSync(join(cwd, 'work.sh'), 0o755);
  return cwd;
}

/** Sends every row, and a good message after each. Returns the rows that the broker accepted. */
async function sendAll(queue: string, also: RawProperties = {}): Promise<Row[]> {
  const sent: Row[] = [];
  for (const row of rows) {
    const isTaken = await sender.send(queue, row.title, { ...also, ...row.properties });
    if (isTaken) sent.push(row);
    else assert.ok(row.mayBeRefused, `the broker refused: ${row.title}`);
    assert.ok(await sender.send(queue, `good after ${row.title}`, also), row.title);
  }
  return sent;
}

for (const handler of ['exec', 'exec-lines']) {
  test(`--${handler}: hostile messages are dead-lettered, good ones are handled`, async () => {
    const queue = `hostile-${handler}`;
    const cwd = place(queue);
    const command =
      handler === 'exec'
        ? ['--exec', './work.sh']
        : [
            '--exec-lines',
            'sh',
            '-c',
            'while IFS= read -r line; do id=${line#*:}; case $line in *\'"body":"good\'*) o=ack;; *) o=retry;; esac; ' +
              'echo "{\\"id\\":${id%%,*},\\"outcome\\":\\"$o\\",\\"reason\\":\\"exit status 1\\"}"; done',
          ];
    const worker = await roles.receiver(['subscribe', 'from', ...command], { cwd });
    const sent = await sendAll(queue);
    const letters = await receive(`${queue}.dead`, (all) => all.length >= sent.length);
    const dead = new Map(letters.map(({ body, headers }) => [body, String(headers['x-mq-reason'])]));
    for (const { title, unhandled = /^exit status 1(; without its |$)/ } of sent) {
      assert.match(dead.get(title) ?? 'none', unhandled, title);
    }
    await until('all good messages are handled', () => lines(worker.stdout()).length === rows.length);
    const { status, stdout, stderr } = await worker.stop();
    assert.is(status, 0, stderr);
    assert.equal(lines(stdout).toSorted(), rows.map(({ title }) => `good after ${title}`).toSorted());
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them
    assert.not.match(stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]|connecting again|^\s+at /m);
    for (const empty of [queue, `${queue}.retry.100`]) assert.is(await roles.held(empty), 0, empty);
  });
}

test('a printing role prints each hostile message as one JSON object', async () => {
  const queue = 'hostile-print';
  const cwd = place(queue);
  const printer = await roles.receiver(['subscribe', 'from', '--json'], { cwd });
  const sent = await sendAll(queue);
  await until('all messages are printed', () => lines(printer.stdout()).length === rows.length + sent.length);
  const { status, stdout, stderr } = await printer.stop();
  assert.is(status, 0, stderr);
  const bodies = lines(stdout).map((line) => (JSON.parse(line) as { body: string }).body);
  assert.equal(
    bodies.toSorted(),
    [...sent.map(({ title }) => title), ...rows.map(({ title }) => `good after ${title}`)].toSorted(),
  );
  assert.not.match(stderr, /connecting again/);
});

test('a server answers hostile requests and survives missing addresses', async () => {
  const queue = 'hostile-requests';
  const cwd = place(queue);
  await roles.vhost.api('PUT', `/api/queues/${roles.vhost.name}/answers`, { durable: true });
  const server = await roles.receiver(['reply', 'from'], { cwd });
  const replyTo = Buffer.from('answers');
  const sent = await sendAll(queue, { replyTo });
  for (const address of ['amq.rabbitmq.reply-to.g1', 'amq.rabbitmq.reply-to', 'gone']) {
    await sender.send(queue, 'no receiver', { replyTo: Buffer.from(address) });
  }
  await sender.send(queue, 'no address', { replyTo: noText });
  await sender.send(queue, 'last', { replyTo });
  // A handler that cannot fail also answers a message whose headers cannot be read. RabbitMQ closes a channel with 406
  // if a reply goes to a direct reply-to address without a consumer. mq then sends the unconfirmed replies of the
  // channel again, so replies may arrive twice.
  const isAnswered = (all: readonly Received[]) => distinct(all).size >= rows.length + sent.length + 1;
  const answers = distinct(await receive('answers', isAnswered));
  assert.ok(answers.has('last'));
  const { status, stderr } = await server.stop();
  assert.is(status, 0, stderr);
  assert.is(await roles.held(queue), 0);
});

function distinct(all: readonly Received[]): Set<string> {
  return new Set(all.map(({ body }) => body));
}

interface Received {
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Receives with mq, because RabbitMQ's management API fails on properties that are not UTF-8. */
async function receive(queue: string, isAll: (all: readonly Received[]) => boolean): Promise<readonly Received[]> {
  const config = { vhosts: { '/': { queues: { [queue]: { assert: false } } } }, subscriptions: { from: { queue } } };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  const queues = async () => (await roles.vhost.api('GET', `/api/queues/${roles.vhost.name}`)) as { name: string }[];
  await until(`the queue ${queue} exists`, async () => (await queues()).some(({ name }) => name === queue));
  const receiver = await roles.receiver(['subscribe', 'from', '--json'], { cwd });
  const received = () => lines(receiver.stdout()).map((line) => JSON.parse(line) as Received);
  await until(`all messages of ${queue} are received`, () => isAll(received()));
  await receiver.stop();
  return received();
}

test('a body over --max-body is dead-lettered with every handler', async () => {
  for (const handler of [[], ['--exec', './work.sh']]) {
    const queue = `large-${handler.length}`;
    const cwd = place(queue);
    const worker = await roles.receiver(['subscribe', 'from', '--max-body', '1MB', ...handler], { cwd });
    assert.ok(await sender.send(queue, Buffer.alloc(1_000_001, 'x'), {}));
    assert.ok(await sender.send(queue, 'good', {}));
    await worker.prints(/^good$/m);
    const { status } = await worker.stop();
    assert.is(status, 0);
    const [dead] = await roles.take(`${queue}.dead`, 1);
    assert.is(dead?.payload.length, 1_000_001);
    assert.is(dead?.properties.headers?.['x-mq-reason'], 'a body of 1000001 bytes is over --max-body 1000000');
  }
});

for (const type of ['classic', 'quorum'] as const) {
  test(`--until-empty ends on a ${type} queue with a forged offset`, async () => {
    const [queue, { api, name }] = [`forged-offset-${type}`, roles.vhost];
    await api('PUT', `/api/queues/${name}/${queue}`, { durable: true, arguments: { 'x-queue-type': type } });
    const properties = { headers: { 'x-stream-offset': 5 } };
    const message = { routing_key: queue, payload: 'one', payload_encoding: 'string', properties };
    await api('POST', `/api/exchanges/${name}/amq.default/publish`, message);
    const config = { vhosts: { '/': { queues: { [queue]: { assert: false } } } }, subscriptions: { from: { queue } } };
    const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
    const { status, stdout, stderr } = await roles.run(['subscribe', 'from', '--until-empty'], { cwd });
    assert.equal([status, stdout], [0, 'one\n'], stderr);
  });
}

test('a queue name with control characters is printed without effect', async () => {
  const queue = 'clear \u001b[2J \u009b \u2028';
  const cwd = place(queue);
  const { status, stderr } = await roles.run(['subscribe', 'from', '--until-empty'], { cwd });
  assert.is(status, 0, stderr);
  assert.is(lines(stderr).at(-1), 'waiting for messages from clear \\x1b[2J \\x9b \\u2028');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them
  assert.not.match(stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028]/);
});

test.run();
