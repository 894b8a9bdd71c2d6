// Tests retries whose pauses a quorum queue makes itself (RabbitMQ 4.3), and the refusal on older versions.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
const { vhost } = roles;
test.after.each(roles.killLeft);
test.after(roles.end);

const { rabbitmq_version: version } = (await vhost.api('GET', '/api/overview')) as { rabbitmq_version: string };
const isNative = !/^(3|4\.[012])\./.test(version);

const cwd = emptyFolder({
  'rascal.json': JSON.stringify({
    vhosts: {
      '/': {
        queues: {
          work: {
            options: {
              arguments: {
                'x-queue-type': 'quorum',
                'x-delayed-retry-type': 'failed',
                'x-delayed-retry-min': 400,
                'x-delayed-retry-max': 900,
              },
            },
          },
        },
      },
    },
    publications: { work: { queue: 'work' } },
    subscriptions: { work: { queue: 'work' } },
    mq: {
      subscriptions: { work: { retry: { native: true, attempts: 4 } } },
      roles: {
        fail: {
          consume: 'work',
          handler: { exec: ['sh', '-c', 'echo "$(cat) $MQ_ATTEMPT $(date +%s%3N)"; exit 9'] },
        },
      },
    },
  }),
});

if (isNative) {
  test('the queue delays each attempt, and mq dead-letters after the last one', async () => {
    const worker = await roles.receiver(['fail', '--count', '4'], { cwd });
    assert.is((await roles.runHere(['publish', 'work', 'x', '--property', 'message-id=m-1'], { cwd })).status, 0);
    const { status, stdout, stderr } = await worker.ended;
    assert.is(status, 0, stderr);
    const runs = lines(stdout).map((line) => line.split(' '));
    assert.equal(
      runs.map(([text, attempt]) => [text, attempt]),
      ['1', '2', '3', '4'].map((attempt) => ['x', attempt]),
    );
    const times = runs.map(([, , at]) => Number(at));
    const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    // The pauses are at least 400, 800 and 900 ms, from the end of one attempt to the start of the next.
    assert.ok(
      pauses.every((pause, index) => pause >= ([400, 800, 900][index] ?? 0)),
      String(pauses),
    );
    const [letter] = await roles.take('work.dead', 1);
    assert.is(letter?.properties.headers?.['x-mq-reason'], 'exit status 9');
    assert.is(letter?.properties['message_id'], 'm-1');
    const queues = (await vhost.api('GET', `/api/queues/${vhost.name}`)) as { name: string }[];
    const waits = queues.map(({ name }) => name).filter((name) => name.includes('.retry.'));
    assert.equal(waits, []);
  });

  test('a message that was stopped in a handler is delivered again at once', async () => {
    const slow = await roles.receiver(['subscribe', 'work', '--exec', 'sh', '-c', 'echo begun; sleep 60'], { cwd });
    await roles.runHere(['publish', 'work', 'y'], { cwd });
    await slow.prints(/begun/);
    await roles.signalTwice(slow);
    await slow.ended;
    const { stdout } = await roles.run(['subscribe', 'work', '--count', '1'], { cwd });
    assert.is(stdout, 'y\n', stdout);
  });
} else {
  test('a broker that is too old refuses native retries', async () => {
    await roles.runHere(['publish', 'work', 'x'], { cwd });
    const { status, stderr } = await roles.run(['fail'], { cwd });
    assert.is(status, 78);
    assert.match(stderr, `"native" retries require RabbitMQ 4.3, and the broker is ${version} [CONFIG]`);
    assert.is(await roles.held('work'), 1);
  });
}

test.run();
