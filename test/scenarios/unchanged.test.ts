// mq keeps the bytes and types of a message through a retry, a dead letter, a move and a replay, in a reply, and in the
// JSON for a handler.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readFields } from '../../src/session/codec/field-table.ts';
import { emptyFolder } from '../support/mq.ts';
import { entry, longstr, rawReceived, rawSender, uint } from '../support/raw-message.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const [url = ''] = roles.vhost.urls;
const sender = await rawSender(url);
test.after.each(roles.killLeft);
test.after(async () => {
  await sender.close();
  await roles.end();
});

const noText = Buffer.from('fffe80', 'hex');
const eight = (hex: string) => Buffer.from(hex, 'hex');
const headers = [
  entry('big', 'l', eight('0020000000000001')),
  entry('most', 'l', eight('7fffffffffffffff')),
  entry('small', 'l', eight('0000000000000005')),
  entry('short', 's', uint(5, 2)),
  entry('zero', 'd', eight('8000000000000000')),
  entry('single', 'f', eight('3dcccccd')),
  entry('text', 'S', longstr(noText)),
  entry('bytes', 'x', longstr(noText)),
  entry('time', 'T', eight('0000ffffffffffff')),
  entry('cost', 'D', eight('0200000007')),
  entry('list', 'A', longstr(Buffer.concat([Buffer.from('S'), longstr(noText), Buffer.from('b\x05')]))),
  entry('table', 'F', longstr(entry('!', 'b', uint(1, 1)))),
  entry('long', 'S', longstr('x'.repeat(90_000))),
];
const properties = {
  headers: Buffer.concat(headers),
  correlationId: noText,
  messageId: Buffer.from('id\xff', 'latin1'),
  type: noText,
};

function folder(queue: string, type: string, exec: readonly string[]): string {
  const options = { durable: true, arguments: { 'x-queue-type': type } };
  const config = {
    vhosts: { '/': { queues: { [queue]: { options }, [`${queue}-other`]: { options } } } },
    publications: { to: { queue }, other: { queue: `${queue}-other` } },
    subscriptions: { work: { queue } },
    mq: {
      retry: { attempts: 2, delays: [50] },
      roles: { fail: { behaviour: 'consume', subscription: 'work', handler: { exec } } },
    },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

/** Removes the message from the queue and compares it with the sent one. */
async function assertUnchanged(queue: string): Promise<void> {
  let bytes: Buffer | undefined;
  await until(`a message in ${queue}`, async () => {
    bytes = await rawReceived(url, queue);
    return bytes !== undefined;
  });
  const all = bytes ?? Buffer.alloc(0);
  // The header table follows the flags, because no other property precedes it.
  const table = all.subarray(6, 6 + all.readUInt32BE(2));
  const { fields, unreadable } = readFields(table);
  assert.is(unreadable, undefined);
  const came = new Map(fields.map((field) => [field.name, field.bytes.toString('hex')]));
  for (const header of headers) {
    const [name = ''] = readFields(header).fields.map((field) => field.name);
    assert.is(came.get(name), header.toString('hex'), `${name} in ${queue}`);
  }
  const rest = all.subarray(6 + table.length).toString('hex');
  for (const text of [properties.correlationId, properties.messageId, properties.type]) {
    assert.ok(rest.includes(Buffer.concat([uint(text.length, 1), text]).toString('hex')), rest);
  }
}

for (const type of ['classic', 'quorum']) {
  test(`retry, dead letter, move and replay keep a message of a ${type} queue`, async () => {
    const queue = `unchanged-${type}`;
    const cwd = folder(queue, type, ['sh', '-c', 'cat <&3 > received; exit 9']);
    for (const name of ['to', 'other']) {
      assert.is((await roles.runHere(['publish', name, 'made'], { cwd })).status, 0);
    }
    await roles.take(queue, 1);
    await roles.take(`${queue}-other`, 1);
    for (const [verb, end] of [
      [[], `${queue}.dead`],
      [['move', '--to', `${queue}-other`], `${queue}-other`],
      [['replay'], queue],
    ] as const) {
      assert.ok(await sender.send(queue, 'x', properties));
      assert.is((await roles.run(['fail', '--count', '2'], { cwd })).status, 0);
      const [word = '', ...more] = verb;
      if (word) assert.is((await roles.runHere(['dlq', word, 'work', ...more], { cwd })).status, 0);
      await assertUnchanged(end);
    }
    const { headers: received, properties: own } = JSON.parse(readFileSync(join(cwd, 'received'), 'utf8'));
    const { long: _, ...small } = Object.fromEntries(
      Object.entries(received as object).filter(([name]) => !name.startsWith('x-')),
    );
    assert.equal(small, {
      big: { '!': 'long', value: '9007199254740993' },
      most: { '!': 'long', value: '9223372036854775807' },
      small: 5,
      short: 5,
      zero: { '!': 'double', value: '-0' },
      single: 0.10000000149011612,
      text: { '!': 'string', base64: '//6A' },
      bytes: { '!': 'binary', base64: '//6A' },
      time: { '!': 'timestamp', value: 281_474_976_710_655 },
      cost: { '!': 'decimal', value: { places: 2, digits: 7 } },
      list: [{ '!': 'string', base64: '//6A' }, 5],
      table: { '!': 'table', value: { '!': 1 } },
    });
    assert.equal(own.correlationId, { '!': 'string', base64: '//6A' });
  });
}

test('a reply has the correlation id of its request, byte for byte', async () => {
  const queue = 'unchanged-request';
  const cwd = folder(queue, 'classic', ['true']);
  await roles.vhost.api('PUT', `/api/queues/${roles.vhost.name}/answers`, { durable: true });
  const server = await roles.receiver(['reply', 'work'], { cwd });
  assert.ok(await sender.send(queue, 'x', { correlationId: noText, replyTo: Buffer.from('answers') }));
  let reply: Buffer | undefined;
  await until('a reply', async () => {
    reply = await rawReceived(url, 'answers');
    return reply !== undefined;
  });
  assert.ok(reply?.includes(Buffer.concat([uint(3, 1), noText])), reply?.toString('hex'));
  assert.is((await server.stop()).status, 0);
});

test('--json and mq dlq show mark values that JSON cannot express', async () => {
  const queue = 'unchanged-json';
  const cwd = folder(queue, 'classic', ['sh', '-c', 'exit 9']);
  assert.is((await roles.runHere(['publish', 'to', 'made'], { cwd })).status, 0);
  await roles.take(queue, 1);
  for (const args of [
    ['subscribe', 'work', '--count', '1', '--json'],
    ['dlq', 'show', '--queue', queue, 'shown', '--json'],
  ]) {
    assert.ok(await sender.send(queue, 'x', { ...properties, messageId: Buffer.from('shown') }));
    const { status, stdout, stderr } = await roles.run(args, { cwd });
    assert.is(status, 0, stderr);
    const [shown] = lines(stdout).map((line) => JSON.parse(line));
    assert.equal(shown.headers.most, { '!': 'long', value: '9223372036854775807' });
    assert.equal(shown.properties.correlationId, { '!': 'string', base64: '//6A' });
  }
});

test.run();
