// --exec-lines: long-running programs as handlers of a worker and a server.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

// A handler in plain shell. It finds the id before the first comma, and the body after `"body":"`.
const program = `#!/bin/sh
echo $$ >> pids
while IFS= read -r line; do
  id=\${line#*:}; id=\${id%%,*}; body=\${line#*\\"body\\":\\"}; body=\${body%%\\"*}
  case $body in
    crash*) exit 9 ;;
    fail*) echo "{\\"id\\":$id,\\"outcome\\":\\"retry\\",\\"reason\\":\\"not today\\"}" ;;
    dead*) echo "{\\"id\\":$id,\\"outcome\\":\\"dead-letter\\",\\"reason\\":\\"never\\"}" ;;
    hang*) sleep 1000 ;;
    *) echo "{\\"id\\":$id,\\"outcome\\":\\"ack\\",\\"reply\\":\\"$body from $$\\"}" ;;
  esac
done
echo $$ >> ended
`;

// A handler that exits at a batch with the body `crash`.
const batchProgram = `while IFS= read -r line; do
  case $line in *crash*) exit 9 ;; esac
  echo "\${line%%,*},\\"outcome\\":\\"ack\\"}"
done
`;

function place(queue: string, type = 'quorum'): { cwd: string; pids: (file: 'pids' | 'ended') => number[] } {
  const config = {
    vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': type } } } } } },
    publications: { to: { queue } },
    subscriptions: { from: { queue } },
    mq: {
      retry: { attempts: 2, delays: [100] },
      roles: {
        lines: { consume: 'from', concurrency: 2, handler: { execLines: ['sh', 'lines.sh'] } },
        hasty: { consume: 'from', concurrency: 1, handler: { execLines: ['sh', 'lines.sh'], timeout: 1000 } },
        answer: { reply: 'from', concurrency: 1, handler: { execLines: ['sh', 'lines.sh'] } },
        ask: { request: 'to' },
      },
    },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config), 'lines.sh': program, 'batch.sh': batchProgram });
  return { cwd, pids: (file) => lines(readFileSync(join(cwd, file), 'utf8')).map(Number) };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

for (const type of ['classic', 'quorum']) {
  test(`an --exec-lines program decides the outcomes on a ${type} queue`, async () => {
    const queue = `lines-${type}`;
    const { cwd, pids } = place(queue, type);
    const worker = await roles.receiver(['lines'], { cwd });
    const bodies = ['one', 'crash', 'fail', 'dead', 'two', 'three'];
    await roles.runHere(['publish', 'to', '--lines'], { cwd, input: bodies.join('\n') });
    const dead = await roles.take(`${queue}.dead`, 3);
    assert.equal(dead.map(({ payload, properties }) => [payload, properties.headers?.['x-mq-reason']]).toSorted(), [
      ['crash', 'it ended without an answer (exit status 9)'],
      ['dead', 'never'],
      ['fail', 'not today'],
    ]);
    await until('the successful messages are printed', () => lines(worker.stdout()).length === 3);
    const { status, stdout, stderr } = await worker.stop();
    assert.is(status, 0, stderr);
    assert.equal(lines(stdout).toSorted(), ['one', 'three', 'two']);
    // Each of the two crashes ends a process. Other processes end when their input is closed.
    assert.ok(pids('pids').length >= 2 && pids('pids').length <= 8, String(pids('pids')));
    assert.not(pids('pids').some(isRunning));
    assert.is(await roles.held(queue), 0);
  });
}

test('kills an --exec-lines program that hangs, and retries its message', async () => {
  const { cwd, pids } = place('hangs');
  const worker = await roles.receiver(['hasty'], { cwd });
  await roles.runHere(['publish', 'to', 'hang'], { cwd });
  const [dead] = await roles.take('hangs.dead', 1);
  const { headers } = dead!.properties;
  assert.equal([headers?.['x-mq-reason'], headers?.['x-mq-attempt']], ['the handler did not end within 1 s', 2]);
  assert.is((await worker.stop()).status, 0);
  assert.not(pids('pids').some(isRunning));
  assert.is(await roles.held('hangs'), 0);
});

test('an --exec-lines program answers all requests in one process', async () => {
  const { cwd, pids } = place('asked');
  const server = await roles.receiver(['answer'], { cwd });
  const asked = await roles.run(['ask', '--lines'], { cwd, input: 'a\nb\nc\n' });
  const [pid] = pids('pids');
  assert.equal(
    lines(asked.stdout).toSorted(),
    ['a', 'b', 'c'].map((body) => `${body} from ${pid}`),
  );
  assert.is((await server.stop()).status, 0);
});

test('--exec-lines programs end after kill -9 of the worker', async () => {
  const { cwd, pids } = place('killed');
  const worker = await roles.receiver(['lines'], { cwd });
  await roles.runHere(['publish', 'to', 'one'], { cwd });
  await worker.prints(/one/);
  worker.kill('SIGKILL');
  await worker.ended;
  await until('no program is running', () => !pids('pids').some(isRunning));
  assert.equal(pids('ended').toSorted(), pids('pids').toSorted());
});

test('SIGTERM lets an --exec-lines program finish its message', async () => {
  const { cwd, pids } = place('stopped');
  const slow =
    'while read -r line; do id=${line#*:}; echo begin >&2; sleep 1; echo "{\\"id\\":${id%%,*},\\"outcome\\":\\"ack\\"}"; done; echo $$ >> ended';
  const worker = await roles.receiver(['subscribe', 'from', '--exec-lines', 'sh', '-c', slow], { cwd });
  await roles.runHere(['publish', 'to', 'text'], { cwd });
  await worker.prints(/begin/, 'stderr');
  const { status, stdout } = await worker.stop();
  assert.equal({ status, stdout }, { status: 0, stdout: 'text\n' });
  assert.is(pids('ended').length, 1);
});

test('a program that cannot start ends the role without using an attempt', async () => {
  const check = async (type: string) => {
    const { cwd } = place(`broken-${type}`, type);
    await roles.runHere(['publish', 'to', '--lines'], { cwd, input: 'one\ntwo\nthree\n' });
    // The program exits at its first message, and also without one.
    const broken = ['sh', '-c', 'read -r line; echo "No module named yaml" >&2; exit 1'];
    // The role starts more often than a message has attempts.
    for (let start = 0; start < 3; start += 1) {
      const { status, stderr } = await roles.run(['subscribe', 'from', '--exec-lines', ...broken], { cwd });
      assert.is(status, 71, stderr);
      assert.match(
        stderr,
        /^mq subscribe: cannot use sh: it also ends without a message \(exit status 1\) \[SYSTEM\]\nhint: /m,
      );
    }
    const seen = await roles.run(
      ['subscribe', 'from', '--count', '3', '--exec', 'sh', '-c', 'echo $(cat) $MQ_ATTEMPT'],
      { cwd },
    );
    assert.equal(lines(seen.stdout).toSorted(), ['one 1', 'three 1', 'two 1'], seen.stderr);
  };
  await Promise.all(['classic', 'quorum'].map(check));
});

for (const type of ['classic', 'quorum']) {
  test(`only a message that ends every program fails, on a ${type} queue`, async () => {
    const queue = `poison-${type}`;
    const { cwd } = place(queue, type);
    await roles.runHere(['publish', 'to', '--lines'], { cwd, input: 'crash\none\ntwo\n' });
    const args = ['subscribe', 'from', '--batch', '3', '--exec-lines', 'sh', 'batch.sh'];
    const worker = await roles.receiver(args, { cwd });
    const [dead] = await roles.take(`${queue}.dead`, 1);
    const { headers } = dead!.properties;
    assert.equal([dead!.payload, headers?.['x-mq-attempt']], ['crash', 2]);
    await until('the other messages are printed', () => lines(worker.stdout()).length === 2);
    const { status, stdout, stderr } = await worker.stop();
    assert.is(status, 0, stderr);
    assert.equal(lines(stdout).toSorted(), ['one', 'two']);
    assert.is(await roles.held(queue), 0);
  });
}

test('reports a program that ends at once before a delivery', async () => {
  const { cwd } = place('kept');
  await roles.runHere(['publish', 'to', 'text'], { cwd });
  const { status, stderr } = await roles.run(['subscribe', 'from', '--exec-lines', 'false'], { cwd });
  assert.is(status, 71);
  assert.match(stderr, /^mq subscribe: cannot use false: it ended before .* \(exit status 1\) \[SYSTEM\]\nhint: /);
  const [kept] = await roles.take('kept', 1);
  assert.is(kept?.redelivered, false);
});

test.run();
