// Tests where a reader of a stream starts, continues after a kill, and ends.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

interface Reader {
  readonly handler?: object;
  readonly concurrency?: number;
  readonly filter?: readonly string[];
}

/** Returns a folder whose rascal.json has the stream, a publication `to`, a subscription `from` and a role `read`. */
function folder(stream: string, { handler = { builtin: 'print' }, concurrency = 1, filter }: Reader = {}): string {
  const options = { durable: true, arguments: { 'x-queue-type': 'stream' } };
  const consumer = { options: { arguments: { 'x-stream-filter': filter } } };
  const config = {
    vhosts: { '/': { queues: { [stream]: { options } } } },
    publications: { to: { queue: stream } },
    subscriptions: { from: { queue: stream, prefetch: 10, ...(filter && consumer) } },
    mq: {
      retry: { attempts: 1, deadLetter: false },
      roles: { read: { consume: 'from', handler, concurrency } },
    },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, at) => `${first + at}`);

async function publish(cwd: string, bodies: readonly string[], ...args: readonly string[]): Promise<void> {
  const { status, stderr } = await roles.run(['publish', 'to', '--lines', ...args], { cwd, input: bodies.join('\n') });
  assert.is(status, 0, stderr);
}

async function read(cwd: string, ...args: readonly string[]): Promise<string[]> {
  const { status, stdout, stderr } = await roles.run(['read', ...args], { cwd });
  assert.is(status, 0, stderr);
  return lines(stdout);
}

test('--offset chooses the first message, and replaces rascal.json', async () => {
  const cwd = folder('starts');
  await publish(cwd, numbers(0, 9));
  assert.equal(await read(cwd, '--offset', 'first', '--until-empty'), numbers(0, 9));
  assert.equal(await read(cwd, '--offset', '4', '--until-empty'), numbers(4, 9));
  assert.equal(await read(cwd, '--offset', '10m', '--until-empty'), numbers(0, 9));
  assert.equal(await read(cwd, '--offset', '2020-01-01T00:00:00Z', '--until-empty'), numbers(0, 9));
  assert.equal(await read(cwd, '--offset', 'next', '--until-empty'), []);
  assert.is((await read(cwd, '--offset', 'last', '--until-empty')).at(-1), '9');
});

test('--offset on a queue that is not a stream ends with the reason', async () => {
  const config = {
    vhosts: { '/': { queues: { plain: {} } } },
    subscriptions: { from: { queue: 'plain' } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  const { status, stderr } = await roles.run(['subscribe', 'from', '--offset', 'first'], { cwd });
  assert.is(status, 78);
  assert.match(stderr, "the queue 'plain' is a classic queue; only a stream has offsets");
});

test('--until-empty ends although messages are published all the time', async () => {
  const cwd = folder('busy');
  await publish(cwd, numbers(0, 49));
  const publisher = roles.start(['publish', 'to', '--lines', '--json'], { cwd });
  let next = 50;
  const writing = setInterval(() => {
    publisher.stdin.write(`${next}\n`);
    next += 1;
  }, 5);
  try {
    await publisher.prints(/confirmed/);
    const bodies = await read(cwd, '--offset', 'first', '--until-empty');
    assert.equal(bodies, numbers(0, bodies.length - 1));
    assert.ok(bodies.length >= 50);
  } finally {
    clearInterval(writing);
    publisher.stdin.end();
    await publisher.ended;
  }
});

test('--until-empty ends behind the last message that a filter selects', async () => {
  const cwd = folder('filtered', { filter: ['a'] });
  await publish(cwd, numbers(0, 4), '--header', 'x-stream-filter-value=a');
  await publish(cwd, numbers(5, 9), '--header', 'x-stream-filter-value=b');
  assert.equal(await read(cwd, '--offset', 'first', '--until-empty'), numbers(0, 4));
});

for (const [where, args] of [
  ['in a file', ['--offset-file', 'offset.json']],
  ['on the broker', ['--offset-name', 'reader']],
] as const) {
  const stream = `stops-${args[0].slice(2)}`;

  test(`a stopped reader continues after the offset that is stored ${where}`, async () => {
    const cwd = folder(stream);
    await publish(cwd, numbers(0, 19));
    assert.equal(await read(cwd, ...args, '--count', '7'), numbers(0, 6));
    assert.equal(await read(cwd, ...args, '--count', '3', '--offset', 'first'), numbers(7, 9));
    assert.equal(await read(cwd, ...args, '--until-empty'), numbers(10, 19));
    assert.equal(await read(cwd, ...args, '--until-empty'), []);
    await publish(cwd, numbers(20, 21));
    assert.equal(await read(cwd, ...args, '--until-empty'), numbers(20, 21));
  });

  test(`a message that ended no handler is not passed by the offset ${where}`, async () => {
    const kept = folder(`${stream}-failed`, {
      handler: { exec: ['sh', '-c', 'n=$(cat); test "$n" != 3 && echo "$n"'] },
    });
    await publish(kept, numbers(0, 5));
    const { status, stdout } = await roles.run(['read', ...args, '--on-fail', 'exit'], { cwd: kept });
    assert.is(status, 1);
    assert.equal(lines(stdout), numbers(0, 2));
    const again = await roles.run(['read', ...args, '--on-fail', 'exit'], { cwd: kept });
    assert.is(again.status, 1, 'it fails with the same message');
    assert.is(again.stdout, '');
    assert.equal(await read(kept, ...args, '--until-empty', '--on-fail', 'drop'), numbers(4, 5));
  });

  test(`a reader refuses the offset of a deleted stream, stored ${where}`, async () => {
    const cwd = folder(`${stream}-again`);
    await publish(cwd, numbers(0, 9));
    assert.equal(await read(cwd, ...args, '--until-empty'), numbers(0, 9));
    await roles.deleteQueue(`${stream}-again`);
    await publish(cwd, numbers(0, 1));
    const { status, stderr } = await roles.run(['read', ...args, '--until-empty'], { cwd });
    assert.is(status, 78);
    assert.match(stderr, /ends near offset \d, but the stored offset is 9/);
  });
}

test('a reader whose queue of the offset is empty starts again', async () => {
  const cwd = folder('emptied');
  await publish(cwd, numbers(0, 2));
  assert.equal(await read(cwd, '--offset-name', 'reader', '--until-empty'), numbers(0, 2));
  await roles.take('emptied.offset.reader', 1);
  assert.equal(await read(cwd, '--offset-name', 'reader', '--until-empty'), numbers(0, 2));
});

test('a reader whose last offset the broker refuses reports it', async () => {
  const cwd = folder('refused');
  await publish(cwd, numbers(0, 2));
  const { vhost } = roles;
  const full = { 'x-queue-type': 'classic', 'x-max-length': 1, 'x-overflow': 'reject-publish' };
  await vhost.api('PUT', `/api/queues/${vhost.name}/refused.offset.reader`, { durable: true, arguments: full });
  const args = ['--offset-name', 'reader', '--no-declare', '--count', '1'];
  assert.equal(await read(cwd, ...args), ['0'], 'the queue has room for the first offset');
  const { status, stdout, stderr } = await roles.run(['read', ...args], { cwd });
  assert.equal(lines(stdout), ['1']);
  assert.match(
    stderr,
    /the offset 1 cannot be stored: the broker refused a message to the queue 'refused.offset.reader'/,
  );
  assert.is(status, 75);
});

test('a kill between two handlers causes no gap and no double', async () => {
  const exec = ['sh', '-c', 'n=$(cat); if test "$n" = "$KILL_AT"; then kill -9 $PPID; exit; fi; echo "$n" >> handled'];
  const cwd = folder('killed', { handler: { exec } });
  await publish(cwd, numbers(0, 29));
  for (const at of ['0', '5', '6', '20']) {
    const { signal } = await roles.run(['read', '--offset-file', 'offset.json'], { cwd, env: { KILL_AT: at } });
    assert.is(signal, 'SIGKILL');
  }
  await read(cwd, '--offset-file', 'offset.json', '--until-empty');
  assert.equal(lines(readFileSync(join(cwd, 'handled'), 'utf8')), numbers(0, 29));
});

test('a kill at any time causes no gap', async () => {
  const cwd = folder('killed-often', {
    handler: { exec: ['sh', '-c', 'n=$(cat); echo "$n" >> handled'] },
    concurrency: 4,
  });
  await publish(cwd, numbers(0, 59));
  const handled = () => lines(readFileSync(join(cwd, 'handled'), 'utf8'));
  writeFileSync(join(cwd, 'handled'), '');
  for (const count of [3, 17, 30]) {
    const reader = roles.start(['read', '--offset-name', 'reader'], { cwd });
    await until('it has handled some messages', () => handled().length >= count);
    reader.kill('SIGKILL');
    await reader.ended;
  }
  await read(cwd, '--offset-name', 'reader', '--until-empty');
  const distinct = [...new Set(handled())].toSorted((one, other) => Number(one) - Number(other));
  assert.equal(distinct, numbers(0, 59));
});

test('no message is handled twice when the connection is lost', async () => {
  const exec = ['sh', '-c', 'n=$(cat); while test "$n" = 0 && ! test -e go; do sleep 0.05; done; echo "$n" >> handled'];
  const cwd = folder('lost', { handler: { exec }, concurrency: 5 });
  await publish(cwd, numbers(0, 8));
  writeFileSync(join(cwd, 'handled'), '');
  const handled = () => lines(readFileSync(join(cwd, 'handled'), 'utf8'));
  const account = await roles.account();
  const reader = await roles.receiver(['read', '--offset-file', 'offset.json', '--count', '9'], {
    cwd,
    env: account.env,
  });
  await until('all but the first are handled', () => handled().length === 8);
  await account.closeConnections(2);
  await reader.prints(/connected again/, 'stderr');
  writeFileSync(join(cwd, 'go'), '');
  const { status, stderr } = await reader.ended;
  assert.is(status, 0, stderr);
  assert.equal(handled().toSorted(), numbers(0, 8));
  assert.equal(await read(cwd, '--offset-file', 'offset.json', '--until-empty'), []);
});

test.run();
