// Arguments of the command line arrive byte for byte, even if they are not UTF-8, and headers have a type.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readFields } from '../../src/session/codec/field-table.ts';
import { emptyFolder, executable } from '../support/mq.ts';
import { entry, longstr, rawReceived, uint } from '../support/raw-message.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const cwd = emptyFolder();
const cafe = Buffer.from('caf\xe9', 'latin1');

/** Runs mq from a shell, because Node cannot pass such arguments to a child. */
async function shell(script: string): Promise<{ status: number | null; stderr: string }> {
  writeFileSync(`${cwd}/run.sh`, Buffer.from(script, 'latin1'));
  const env = { ...process.env, MQ: executable, MQ_URL: roles.vhost.url };
  const child = spawn('sh', ['run.sh'], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stderr })));
}

test('a text that is not UTF-8 is sent unchanged', async () => {
  const { status, stderr } = await shell('"$MQ" producer caf\xe9');
  assert.is(status, 0, stderr);
  const { stdout } = await roles.run(['consumer', '--count', '1', '--json'], { cwd });
  const { body, encoding } = JSON.parse(stdout);
  assert.equal(Buffer.from(body, encoding), cafe);
});

test('headers, properties and file names may have any bytes', async () => {
  await roles.run(['producer', 'made'], { cwd });
  await roles.take('hello', 1);
  writeFileSync(Buffer.concat([Buffer.from(`${cwd}/`), cafe]), 'from the file');
  const { status, stderr } = await shell(
    '"$MQ" producer --header name=t\xe9 --property correlation-id=caf\xe9 --file caf\xe9',
  );
  assert.is(status, 0, stderr);
  const bytes = await rawReceived(roles.vhost.urls[0] ?? '', 'hello');
  const table = bytes?.subarray(6, 6 + bytes.readUInt32BE(2)) ?? Buffer.alloc(0);
  assert.equal(readFields(table).fields[0]?.bytes, entry('name', 'S', longstr(Buffer.from('t\xe9', 'latin1'))));
  assert.ok(bytes?.includes(Buffer.concat([uint(cafe.length, 1), cafe])));

  const receiver = await shell('"$MQ" producer kept && "$MQ" consumer --count 1 --file log-\xe9');
  assert.is(receiver.status, 0, receiver.stderr);
  assert.is(readFileSync(Buffer.concat([Buffer.from(`${cwd}/log-`), Buffer.from([0xe9])]), 'utf8'), 'kept\n');
});

test('header names and routing keys may have any bytes', async () => {
  const { product_name: product } = (await roles.vhost.api('GET', '/api/overview')) as { product_name?: string };
  // The embedded broker refuses routing keys that are not UTF-8.
  const [key, shown] = product === 'RabbitMQ' ? ['caf\xe9', 'caf\\xe9'] : ['missing', 'missing'];
  const missing = await shell(`"$MQ" emit-log-direct --header caf\xe9=1 --routing-key ${key} x`);
  assert.equal([missing.status, missing.stderr.includes(`the key '${shown}'`)], [67, true], missing.stderr);
});

for (const command of [
  'worker --exec printf %s caf\xe9',
  'receive-logs-topic caf\xe9',
  'dlq list caf\xe9',
  '--config caf\xe9 producer hi',
  'producer hi --url amqp://caf\xe9',
  'consumer --handler caf\xe9.ts',
]) {
  test(`mq ${Buffer.from(command, 'latin1').toString()} is refused with a hint`, async () => {
    const { status, stderr } = await shell(`"$MQ" ${command}`);
    assert.is(status, 64, stderr);
    const [first, second] = lines(stderr);
    assert.match(first ?? '', /^mq [a-z-]*: the argument '.*caf\\xe9.*' is not UTF-8 \[USAGE\]$/);
    assert.match(second ?? '', /^hint: other bytes are accepted in the text of a message and by --header/);
  });
}

const byName = ([one]: unknown[], [other]: unknown[]) => (String(one) < String(other) ? -1 : 1);

test('a header has the type of its JSON value', async () => {
  const given = [
    ...['n:=5', 'big:=9007199254740993', 'flag:=true', 'half:=0.5', 'none:=null', 'list:=[1,"a"]', 'text=5'],
    'time:={"!":"timestamp","value":1700000000}',
    'small:={"!":"byte","value":5}',
    'bytes:={"!":"binary","base64":"//6A"}',
  ];
  const args = given.flatMap((header) => ['--header', header]);
  assert.is((await roles.run(['producer', 'hi', ...args], { cwd })).status, 0);
  const bytes = await rawReceived(roles.vhost.urls[0] ?? '', 'hello');
  const table = bytes?.subarray(6, 6 + bytes.readUInt32BE(2)) ?? Buffer.alloc(0);
  const types = readFields(table).fields.map(({ name, bytes: all, value }) => [
    name,
    String.fromCharCode(all[1 + (all[0] ?? 0)] ?? 0),
    value,
  ]);
  // RabbitMQ may change their order.
  assert.equal(
    types.toSorted(byName),
    [
      ['n', 'I', 5],
      ['big', 'l', 9_007_199_254_740_993n],
      ['flag', 't', true],
      ['half', 'd', 0.5],
      ['none', 'V', null],
      ['list', 'A', [1, 'a']],
      ['text', 'S', '5'],
      ['time', 'T', { '!': 'timestamp', value: 1_700_000_000 }],
      ['small', 'b', 5],
      ['bytes', 'x', Buffer.from('fffe80', 'hex')],
    ].toSorted(byName),
  );
});

test('a header whose value is not JSON or has no type is refused', async () => {
  for (const header of [
    'n:=five',
    'n:={"!":"byte","value":300}',
    'n:={"!":"no"}',
    'n:=99999999999999999999',
    ':=5',
    'n:=',
  ]) {
    const { status, stderr } = await roles.run(['producer', 'hi', '--header', header], { cwd });
    assert.equal([status, /^mq producer: .*\[USAGE\]$/m.test(stderr)], [64, true], `${header}: ${stderr}`);
  }
});

test.run();
