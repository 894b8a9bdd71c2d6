// Scenario 6: clients send requests, servers reply, and both handle failures.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const exec = (body: string) => ['--exec', 'sh', '-c', body];

/** Returns the Fibonacci number of an index by addition. */
function fibonacci(index: number): bigint {
  let [here, next] = [0n, 1n];
  for (let step = 0; step < index; step++) [here, next] = [next, here + next];
  return here;
}

test('without a server the client reports the missing queue at once', async () => {
  const { status, stdout, stderr } = await roles.runHere(['rpc-client', '30']);
  assert.equal({ status, stdout }, { status: 67, stdout: '' });
  assert.match(stderr, /^mq rpc-client: .*rpc_queue.*\[UNROUTABLE\]\nhint: .*\n$/);
});

test('the client prints the Fibonacci number that it requests', async () => {
  const server = await roles.receiver(['rpc-server']);
  for (const index of [0, 1, 2, 30, 1000]) {
    const { status, stdout, stderr } = await roles.runHere(['rpc-client', String(index)]);
    assert.equal({ status, stdout, stderr }, { status: 0, stdout: `${fibonacci(index)}\n`, stderr: '' });
  }
  assert.is((await roles.runHere(['rpc-client'])).stdout, '832040\n');
  assert.is((await roles.runHere(['rpc-client', '--reply-queue', '30'])).stdout, '832040\n');
  assert.is((await server.stop()).status, 0);
});

test('the server refuses a request that is not an index and continues', async () => {
  const server = await roles.receiver(['rpc-server']);
  for (const text of ['-1', 'abc', '', '1.5', '5000001', '0x10']) {
    const { status, stdout, stderr } = await roles.runHere(['rpc-client', '--file', '-'], { input: text });
    assert.equal({ text, status, stdout }, { text, status: 65, stdout: '' });
    assert.match(stderr, /^mq rpc-client: the server refused the request: fibonacci: .*\[BAD_DATA\]\n(hint: .*\n)?$/);
  }
  assert.is((await roles.runHere(['rpc-client', '--', '-1'])).status, 65);
  assert.is((await roles.runHere(['rpc-client', '10'])).stdout, '55\n');
  assert.is((await server.stop()).status, 0);
});

for (const option of [[], ['--reply-queue']]) {
  test(`replies are printed in the order of the requests ${option}`, async () => {
    const servers = [
      await roles.receiver([
        'rpc-server',
        '--prefetch',
        '10',
        ...exec('n=$(cat); [ $((n % 7)) = 0 ] && sleep 0.2; printf "%s*" "$n"'),
      ]),
      await roles.receiver(['rpc-server', '--prefetch', '10', ...exec('n=$(cat); printf "%s*" "$n"')]),
    ];
    const numbers = Array.from({ length: 60 }, (_, index) => String(index));
    const { status, stdout } = await roles.runHere(['rpc-client', '--lines', ...option], { input: numbers.join('\n') });
    assert.is(status, 0);
    assert.equal(
      lines(stdout),
      numbers.map((number) => `${number}*`),
    );
    await Promise.all(servers.map((server) => server.stop()));
  });
}

test('two servers share the load, so a long request blocks no other', async () => {
  // Each server answers only when the other server has also received a request.
  const meet = 'touch $$.here; while [ "$(ls *.here | wc -l)" -lt 2 ]; do sleep 0.01; done; cat';
  const cwd = emptyFolder();
  const serve = () => roles.receiver(['rpc-server', '--json', '--exec', 'sh', '-c', meet], { cwd });
  const servers = [await serve(), await serve()];
  const { status, stdout } = await roles.runHere(['rpc-client', '--lines'], { input: 'one\ntwo\n' });
  assert.equal({ status, stdout }, { status: 0, stdout: 'one\ntwo\n' });
  const shares = await Promise.all(servers.map(async (server) => lines((await server.stop()).stdout).length));
  assert.equal(shares, [1, 1]);
});

test('a refused line changes the exit status, and the others are answered', async () => {
  const server = await roles.receiver(['rpc-server']);
  const { status, stdout, stderr } = await roles.runHere(['rpc-client', '--lines'], { input: '10\nten\n11\n' });
  assert.equal({ status, stdout }, { status: 65, stdout: '55\n89\n' });
  assert.match(stderr, /1 of 3 requests failed/);
  const json = await roles.runHere(['rpc-client', '--lines', '--json'], { input: '10\nten\n' });
  const [good, bad] = lines(json.stdout).map((line) => JSON.parse(line));
  assert.equal([good.body, good.error], ['55', undefined]);
  assert.match(bad.error, /ten/);
  assert.is(json.status, 65);
  await server.stop();
});

test('the client ends at its timeout if the server hangs', async () => {
  const hang = 'echo begun >&2; exec sleep 600';
  const mq = { roles: { sleeper: { behaviour: 'reply', subscription: 'rpc', handler: { exec: ['sh', '-c', hang] } } } };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify({ mq }) });
  const server = await roles.receiver(['sleeper'], { cwd });
  const { status, stdout, stderr } = await roles.runHere(['rpc-client', '--timeout', '1', '30']);
  assert.equal({ status, stdout }, { status: 75, stdout: '' });
  assert.match(stderr, /^mq rpc-client: no reply in 1 s \[DEADLINE\]\nhint: .*\n$/);
  await server.prints(/begun/, 'stderr');
  await roles.signalTwice(server);
  assert.is((await server.ended).status, 143);
  await roles.deleteQueue('rpc_queue');
});

test('a request without reply_to does not stop the server', async () => {
  const server = await roles.receiver(['rpc-server']);
  assert.is((await roles.runHere(['publish', 'rpc', '20'])).status, 0);
  assert.is((await roles.runHere(['publish', 'rpc', '--property', 'reply-to=nobody-is-here', '21'])).status, 0);
  assert.is((await roles.runHere(['rpc-client', '22'])).stdout, '17711\n');
  const { status, stderr } = await server.stop();
  assert.is(status, 0);
  assert.is(lines(stderr).filter((line) => line.includes('without reply_to')).length, 1);
  assert.is(await roles.held('rpc_queue'), 0);
});

test('a server replies neither to its own topology nor outside --reply-to', async () => {
  const letters = async () => (await roles.runHere(['dlq', 'list', '--queue', 'rpc_queue.dead', '--json'])).stdout;
  for (const [options, refused, permitted] of [
    [[], 'rpc_queue', 'nobody-is-here'],
    [['--reply-to', 'replies.*'], 'nobody-is-here', 'replies.of-me'],
  ] as const) {
    const server = await roles.receiver(['rpc-server', ...options]);
    for (const queue of [refused, permitted])
      assert.is((await roles.runHere(['publish', 'rpc', '--property', `reply-to=${queue}`, '20'])).status, 0);
    assert.is((await roles.runHere(['rpc-client', '21'])).stdout, '10946\n');
    assert.is((await server.stop()).status, 0);
    assert.match(await letters(), /replies to the queue that reply_to names are not permitted/);
    assert.is(await roles.held('rpc_queue.dead'), 1);
    await roles.deleteQueue('rpc_queue.dead');
  }
});

test('large numbers are exact, and heartbeats continue', async () => {
  const server = await roles.receiver(['rpc-server'], { deadlineMs: 100_000 });
  const count = 20;
  const input = Array.from({ length: count }, () => '5000000').join('\n');
  const { status, stdout, stderr } = await roles.run(['rpc-client', '--lines', '--timeout', '90'], {
    input,
    deadlineMs: 100_000,
  });
  assert.equal({ status, stderr }, { status: 0, stderr: '' });
  const numbers = lines(stdout);
  assert.is(numbers.length, count);
  assert.is(new Set(numbers).size, 1);
  // The length, the beginning and the end of F(5,000,000) are known.
  assert.match(numbers[0]!, /^7108285972058527236971171956172153220435\d+4664806936147375182913317404393849453125$/);
  assert.is(numbers[0]!.length, 1_044_938);
  const ended = await server.stop();
  assert.is(ended.status, 0);
  assert.is(ended.stderr, 'waiting for messages from rpc_queue\n');
});

test('SIGTERM ends a client with 143 after its requests are answered', async () => {
  const server = await roles.receiver(['rpc-server']);
  const client = roles.start(['rpc-client', '--lines']);
  client.stdin.write('10\n11\n');
  await client.prints(/89/);
  const { status, stdout } = await client.stop();
  assert.equal({ status, stdout }, { status: 143, stdout: '55\n89\n' });
  await server.stop();
});

test.run();
