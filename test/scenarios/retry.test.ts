// Tests retries with back-off: the number of attempts, and the content of the wait queues and the dead-letter queue.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { type HeldMessage, lines, messagesOf, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const show = 'echo "$(cat): attempt $MQ_ATTEMPT, $MQ_EXCHANGE/$MQ_ROUTING_KEY from $MQ_QUEUE, id $MQ_MESSAGE_ID"';

/**
 * Makes a folder whose role `fail` consumes a queue of the type, bound to the exchange `colours` with the key `red`.
 */
function folder({ queue, type, retry, exec }: { queue: string; type: string; retry: object; exec: string }): string {
  const config = {
    vhosts: {
      '/': {
        exchanges: { colours: { type: 'direct', options: { durable: true } } },
        queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': type } } } },
        bindings: { [`colours[red] -> ${queue}`]: {} },
      },
    },
    publications: { colours: { exchange: 'colours' } },
    subscriptions: { work: { queue, prefetch: 1 } },
    mq: {
      retry,
      roles: { fail: { behaviour: 'consume', subscription: 'work', handler: { exec: ['sh', '-c', exec] } } },
    },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

const headersOf = ({ properties: { headers = {} } }: HeldMessage) => ({
  attempt: headers['x-mq-attempt'],
  reason: headers['x-mq-reason'],
  queue: headers['x-mq-queue'],
  exchange: headers['x-mq-exchange'],
  routingKey: headers['x-mq-routing-key'],
  colour: headers['colour'],
});

for (const type of ['classic', 'quorum']) {
  const origin = (queue: string) => ({ queue, exchange: 'colours', routingKey: 'red', colour: 'dark' });
  const send = (cwd: string) =>
    roles.run(
      ['publish', 'colours', '--routing-key', 'red', '--header', 'colour=dark', '--property', 'message-id=m-7', 'text'],
      { cwd },
    );

  test(`a message that always fails is dead-lettered with the reason, ${type}`, async () => {
    const queue = `always-${type}`;
    const cwd = folder({ queue, type, retry: { attempts: 4, delays: [100, 200] }, exec: `${show}; exit 9` });
    const worker = await roles.receiver(['fail', '--count', '4'], { cwd });
    assert.is((await send(cwd)).status, 0);
    const { status, stdout, stderr } = await worker.ended;
    assert.is(status, 0);
    const seen = [1, 2, 3, 4].map((attempt) => `text: attempt ${attempt}, colours/red from ${queue}, id m-7`);
    assert.equal(lines(stdout), seen);
    assert.equal(
      messagesOf(stderr).filter((line) => /attempt|dead-letter/.test(line)),
      [
        ...[1, 2, 3].map((attempt) => `attempt ${attempt} failed: exit status 9`),
        'to the dead-letter queue: exit status 9',
      ],
    );
    const [dead] = await roles.take(`${queue}.dead`, 1);
    assert.is(dead!.payload, 'text');
    assert.equal(headersOf(dead!), { attempt: 4, reason: 'exit status 9', ...origin(queue) });
    assert.is(dead!.properties['message_id'], 'm-7');
    for (const empty of [queue, `${queue}.retry.100`, `${queue}.retry.200`, `${queue}.dead`]) {
      assert.is(await roles.held(empty), 0, empty);
    }
  });

  test(`a message of a ${type} queue waits in the wait queue between attempts`, async () => {
    const queue = `waits-${type}`;
    const cwd = folder({ queue, type, retry: { attempts: 4, delays: [600_000] }, exec: 'exit 75' });
    const worker = await roles.receiver(['fail', '--count', '1'], { cwd });
    await send(cwd);
    assert.is((await worker.ended).status, 0);
    const [waiting] = await roles.take(`${queue}.retry.600000`, 1);
    assert.is(waiting!.payload, 'text');
    assert.equal(headersOf(waiting!), { attempt: 2, reason: 'exit status 75', ...origin(queue) });
    assert.is(await roles.held(queue), 0);
  });

  test(`a successful retry leaves no message on a ${type} queue`, async () => {
    const queue = `once-${type}`;
    const exec = `${show}; [ "$MQ_ATTEMPT" = 2 ]`;
    const cwd = folder({ queue, type, retry: { attempts: 3, delays: [100] }, exec });
    const worker = await roles.receiver(['fail', '--count', '2'], { cwd });
    await send(cwd);
    assert.is((await worker.ended).status, 0);
    const queues = (await roles.vhost.api('GET', `/api/queues/${roles.vhost.name}`)) as { name: string }[];
    assert.equal(
      queues
        .map(({ name }) => name)
        .filter((name) => name.startsWith(queue))
        .toSorted(),
      [queue, `${queue}.retry.100`],
    );
    assert.is(await roles.held(queue), 0);
  });
}

test('a message that kills its workers is dead-lettered after all attempts', async () => {
  const queue = 'deadly';
  // The parent of the handler is mq itself.
  const cwd = folder({ queue, type: 'quorum', retry: { attempts: 2, delays: [100] }, exec: 'kill -KILL $PPID' });
  const workers = [await roles.receiver(['fail', '--count', '1'], { cwd })];
  assert.is((await roles.run(['publish', 'colours', '--routing-key', 'red', 'poison'], { cwd })).status, 0);
  for (let attempt = 1; attempt <= 2; attempt++) {
    assert.is((await workers.at(-1)!.ended).signal, 'SIGKILL', `attempt ${attempt}`);
    workers.push(roles.start(['fail', '--count', '1'], { cwd }));
  }
  const { status, stderr } = await workers.at(-1)!.ended;
  assert.is(status, 0);
  assert.match(stderr, /^to the dead-letter queue: 2 attempts ended without an outcome \(/m);
  const [dead] = await roles.take(`${queue}.dead`, 1);
  const { reason, attempt: attempts } = headersOf(dead!);
  assert.equal([dead!.payload, reason, attempts], ['poison', '2 attempts ended without an outcome', 2]);
});

test("the wait queue of a receiver's own queue expires; another one stays", async () => {
  const receiver = await roles.receiver(['receive-logs', '--count', '1', '--exec', 'sh', '-c', 'exit 75']);
  assert.is((await roles.run(['emit-log', 'line'])).status, 0);
  assert.is((await receiver.ended).status, 0);
  const queues = (await roles.vhost.api('GET', `/api/queues/${roles.vhost.name}`)) as {
    name: string;
    arguments: Record<string, unknown>;
  }[];
  const expiries = queues
    .filter(({ name }) => name.endsWith('.retry.1000') || name === 'once-quorum.retry.100')
    .map(({ name, arguments: given }) => [name.startsWith('logs:'), given['x-expires']]);
  assert.equal(expiries.toSorted(), [
    [false, undefined],
    [true, 61_000],
  ]);
});

test.run();
