// mq dlq lists, shows, replays, moves and purges dead letters. Reading them changes neither the letters nor their
// order.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

/**
 * Makes a folder whose role `fail` consumes a queue with the binding `red` of `colours`. It fails until a file `mended`
 * exists.
 */
function folder(queue: string, type = 'quorum', own: object = {}): string {
  const durable = { durable: true, arguments: { 'x-queue-type': type } };
  const exec = ['sh', '-c', '[ -e mended ] && echo "$(cat) $MQ_ATTEMPT $MQ_EXCHANGE/$MQ_ROUTING_KEY" || exit 9'];
  const config = {
    vhosts: {
      '/': {
        exchanges: { colours: { type: 'direct', options: { durable: true } } },
        queues: {
          [queue]: { options: durable },
          [`${queue}-other`]: { options: durable },
          [`${queue}-second`]: { options: durable },
        },
        bindings: { [`colours[red] -> ${queue}`]: {}, [`colours[red] -> ${queue}-second`]: {} },
      },
    },
    publications: { colours: { exchange: 'colours' }, other: { queue: `${queue}-other` } },
    subscriptions: { work: { queue, prefetch: 1 } },
    mq: {
      retry: { attempts: 2, delays: [50] },
      roles: { fail: { behaviour: 'consume', subscription: 'work', handler: { exec } } },
      ...own,
    },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

/** Dead-letters messages with these bodies and ids. The header `shade` of each contains its body. */
async function deadLetter(cwd: string, bodies: readonly string[]): Promise<void> {
  const worker = await roles.receiver(['fail', '--count', String(bodies.length * 2)], { cwd });
  for (const body of bodies) {
    const message = ['--header', `shade=${body}`, '--property', `message-id=id-${body}`, '--routing-key', 'red', body];
    assert.is((await roles.runHere(['publish', 'colours', ...message], { cwd })).status, 0);
  }
  assert.is((await worker.ended).status, 0);
}

const dlq = (cwd: string, ...args: string[]) => roles.runHere(['dlq', ...args], { cwd });
const jsonLines = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>);

for (const type of ['classic', 'quorum']) {
  test(`mq dlq list and show change nothing in a ${type} queue`, async () => {
    const queue = `listed-${type}`;
    const cwd = folder(queue, type);
    const begun = Date.now();
    await deadLetter(cwd, ['a', 'b', 'c']);
    for (const name of ['work', 'fail', queue]) {
      const { status, stdout } = await dlq(cwd, 'list', name, '--json');
      assert.is(status, 0);
      const listed = jsonLines(stdout);
      assert.equal(
        listed.map(({ first: _, last: __, ...rest }) => rest),
        ['a', 'b', 'c'].map((body) => ({
          id: `id-${body}`,
          reason: 'exit status 9',
          attempts: 2,
          size: 1,
          exchange: 'colours',
          routingKey: 'red',
          queue,
        })),
      );
      for (const { first, last } of listed) {
        const times = [begun, Date.parse(String(first)), Date.parse(String(last)), Date.now()];
        assert.equal(times, times.toSorted(), JSON.stringify(times));
        assert.ok(first !== last);
      }
    }
    const text = await dlq(cwd, 'list', 'work', '--count', '1', '--no-headers');
    assert.match(text.stdout, /^id-a\texit status 9\t2\t[\dT:.Z-]+\t[\dT:.Z-]+\t1\tcolours\tred\n$/);
    const shown = jsonLines((await dlq(cwd, 'show', 'work', 'id-b', '--json')).stdout);
    assert.equal(
      shown.map(({ id, body, encoding, headers }) => [
        id,
        body,
        encoding,
        (headers as Record<string, unknown>)['shade'],
      ]),
      [['id-b', 'b', 'utf8', 'b']],
    );
    const missing = await dlq(cwd, 'show', 'work', 'id-x');
    assert.equal([missing.status, missing.stdout], [1, '']);
    assert.match(missing.stderr, /\[ANSWER_NO\]/);
  });

  test(`a replay from a ${type} queue goes to the original queue at attempt 1`, async () => {
    const queue = `replayed-${type}`;
    const cwd = folder(queue, type);
    await deadLetter(cwd, ['a', 'b', 'c', 'd']);
    const replayed = await dlq(cwd, 'replay', 'work', '--filter', 'shade=c', '--json');
    assert.equal(jsonLines(replayed.stdout), [
      { action: 'replay', queue: `${queue}.dead`, done: 1, left: 3, dryRun: false },
    ]);
    assert.is(
      (await dlq(cwd, 'replay', 'work', '--id', 'id-d', '--id', 'id-x')).stdout,
      `replayed 1 message of ${queue}.dead, 2 left\n`,
    );
    assert.is((await dlq(cwd, 'replay', 'work', '--count', '1')).status, 0);
    const [c, d, a] = await roles.take(queue, 3);
    assert.equal([c!.payload, d!.payload, a!.payload], ['c', 'd', 'a']);
    assert.equal([c!.exchange, c!.routing_key, c!.properties['message_id']], ['', queue, 'id-c']);
    const headers = Object.keys(c!.properties.headers ?? {}).filter((header) => !header.startsWith('x-'));
    assert.equal(headers, ['shade']);
    assert.is(c!.properties.headers?.['x-mq-attempt'], undefined);
    // The other queue of the exchange does not receive the replayed messages, which it has received before.
    assert.is(await roles.held(`${queue}-second`), 4);
    const left = jsonLines((await dlq(cwd, 'list', 'work', '--json')).stdout);
    assert.equal(
      left.map(({ id }) => id),
      ['id-b'],
    );
    await roles.runHere(['publish', 'colours', '--routing-key', 'red', 'e'], { cwd });
  });
}

test('a replay to the exchange requires an option and shows the queues', async () => {
  const queue = 'to-exchange';
  const cwd = folder(queue);
  await deadLetter(cwd, ['a', 'b']);
  const unasked = await dlq(cwd, 'replay', 'work', '--to-exchange');
  assert.equal([unasked.status, unasked.stdout], [64, '']);
  const dry = await dlq(cwd, 'replay', 'work', '--to-exchange', '--dry-run');
  assert.equal([dry.status, dry.stderr], [0, "2 messages to the exchange 'colours' with the key 'red'\n"]);
  assert.is((await dlq(cwd, 'replay', 'work', '--to-exchange', '--yes', '--id', 'id-a')).status, 0);
  const [a] = await roles.take(queue, 1);
  assert.equal([a!.payload, a!.exchange, a!.routing_key], ['a', 'colours', 'red']);
  assert.is(await roles.held(`${queue}-second`), 3);
});

test('letters of an untrusted exchange are replayed only with an option', async () => {
  const queue = 'unproved';
  const cwd = folder(queue);
  await roles.runHere(['publish', 'colours', '--routing-key', 'red', 'made'], { cwd });
  await roles.take(queue, 1);
  const forged = { 'x-mq-queue': 'victim', 'x-mq-exchange': 'payments', 'x-mq-routing-key': 'refund' };
  const headers = Object.entries(forged).flatMap(([name, value]) => ['--header', `${name}=${value}`]);
  const message = ['publish', 'colours', '--routing-key', 'red', ...headers, 'bad'];
  assert.is((await roles.runHere(message, { cwd })).status, 0);
  await roles.vhost.api('PUT', `/api/queues/${roles.vhost.name}/victim`, { durable: true });
  const refused = await dlq(cwd, 'replay', '--queue', `${queue}-second`, '--filter', 'bad');
  assert.is(refused.status, 65);
  assert.match(refused.stderr, /any publisher can write the headers that name the queue 'victim'/);
  assert.is(await roles.held('victim'), 0);
  assert.is((await dlq(cwd, 'replay', '--queue', `${queue}-second`, '--filter', 'bad', '--yes')).status, 0);
  await until(
    'the message has arrived',
    async () => (await roles.held('victim')) === 1 || (await roles.held('victim.retry.1000')) === 1,
  );
});

test('a replay to a deleted queue leaves the letters in place', async () => {
  const cwd = folder('gone');
  await deadLetter(cwd, ['a']);
  await roles.vhost.api('DELETE', `/api/queues/${roles.vhost.name}/gone`);
  const { status, stderr } = await dlq(cwd, 'replay', '--queue', 'gone.dead', '--yes');
  assert.is(status, 78, stderr);
  assert.is(await roles.held('gone.dead'), 1);
});

test('an id may be shortened to a unique prefix', async () => {
  const queue = 'prefixed';
  const cwd = folder(queue);
  await deadLetter(cwd, ['aa', 'ab', 'b']);
  assert.match((await dlq(cwd, 'show', 'work', 'id-b')).stdout, /^id: id-b$/m);
  const two = await dlq(cwd, 'purge', 'work', '--id', 'id-a', '--yes');
  assert.equal([two.status, lines(two.stderr)[0]], [64, "mq dlq: several ids begin with 'id-a': id-aa, id-ab [USAGE]"]);
  assert.is(
    (await dlq(cwd, 'purge', 'work', '--id', 'id-ab', '--yes')).stdout,
    `deleted 1 message of ${queue}.dead, 2 left\n`,
  );
  assert.match((await dlq(cwd, 'list', 'work', '--id', 'id-a')).stdout, /^id\treason\t.*\nid-aa\t/);
});

test('without a dead letter the list is empty and actions change nothing', async () => {
  const cwd = folder('unused');
  for (const args of [['list'], ['replay'], ['move', '--to', 'x'], ['purge', '--yes']]) {
    const { status, stderr, stdout } = await dlq(cwd, args[0] ?? '', 'work', ...args.slice(1));
    assert.equal([status, stderr], [0, ''], args.join(' '));
    assert.is(lines(stdout).length, 1);
    if (args[0] === 'list') assert.match(stdout, /^id\treason\t/);
  }
  assert.is((await dlq(cwd, 'show', 'work', 'x')).status, 1);
  assert.is((await dlq(cwd, 'list', '--queue', 'unused.dead')).status, 78);
});

test('a replayed message is handled like a new one', async () => {
  const cwd = folder('renewed');
  await deadLetter(cwd, ['a']);
  (await import('node:fs')).writeFileSync(`${cwd}/mended`, '');
  assert.is((await dlq(cwd, 'replay', 'work')).status, 0);
  const { stdout } = await roles.run(['fail', '--count', '1'], { cwd });
  assert.is(stdout, 'a 1 colours/red\n');
});

test('mq dlq move moves letters, unless the target queue does not exist', async () => {
  const cwd = folder('moved');
  await deadLetter(cwd, ['a', 'b']);
  const nowhere = await dlq(cwd, 'move', 'work', '--to', 'nowhere');
  assert.equal([nowhere.status, nowhere.stdout], [67, 'moved 0 messages of moved.dead, 2 left\n']);
  await roles.runHere(['publish', 'other', 'first'], { cwd });
  assert.is((await dlq(cwd, 'move', 'work', '--to', 'moved-other', '--filter', 'b')).status, 0);
  const [first, moved] = await roles.take('moved-other', 2);
  assert.equal(
    [first!.payload, moved!.payload, moved!.properties.headers?.['x-mq-exchange']],
    ['first', 'b', 'colours'],
  );
  assert.is(moved!.properties.headers?.['x-mq-attempt'], 2);
  assert.is(await roles.held('moved.dead'), 1);
});

test('a dry run shows the action and changes nothing', async () => {
  const cwd = folder('dry');
  await deadLetter(cwd, ['a', 'b']);
  for (const verb of [['replay'], ['move', '--to', 'dry-other'], ['purge']]) {
    const { status, stdout } = await dlq(
      cwd,
      ...verb,
      'work',
      '--dry-run',
      '--filter',
      'reason=status 9',
      '--count',
      '1',
    );
    assert.is(status, 0);
    const [, letter, result] = lines(stdout);
    assert.match(letter!, /^id-a\t/);
    assert.match(result!, /^would have (replayed|moved|deleted) 1 message of dry.dead, 1 left$/);
  }
  assert.equal([await roles.held('dry.dead'), await roles.held('dry')], [2, 0]);
});

test('a purge requires --yes and deletes the selected letters or all', async () => {
  const cwd = folder('purged');
  await deadLetter(cwd, ['a', 'b', 'c']);
  const refused = await dlq(cwd, 'purge', 'work');
  assert.equal([refused.status, await roles.held('purged.dead')], [64, 3]);
  assert.is((await dlq(cwd, 'purge', 'work', '--yes', '--id', 'id-b')).status, 0);
  assert.equal(
    jsonLines((await dlq(cwd, 'list', 'work', '--json')).stdout).map(({ id }) => id),
    ['id-a', 'id-c'],
  );
  assert.is((await dlq(cwd, 'purge', 'work', '--yes')).stdout, 'deleted 2 messages of purged.dead, 0 left\n');
  assert.is(await roles.held('purged.dead'), 0);
});

test('mq dlq also lists and replays what the broker dead-lettered', async () => {
  const bury = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'graves', 'x-message-ttl': 1 };
  const queues = { graves: { options: { durable: true } }, brief: { options: { durable: true, arguments: bury } } };
  const config = {
    vhosts: { '/': { queues } },
    publications: { brief: { queue: 'brief' }, graves: { queue: 'graves' } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  assert.is((await roles.runHere(['publish', 'brief', 'x'], { cwd })).status, 0);
  await until('the message is dead-lettered', async () => (await roles.held('graves')) === 1);
  const [{ reason, exchange, routingKey, queue, first } = {}] = jsonLines(
    (await dlq(cwd, 'list', '--queue', 'graves', '--json')).stdout,
  );
  assert.equal([reason, exchange, routingKey, queue], ['expired', '', 'brief', 'brief']);
  assert.ok(Math.abs(Date.parse(String(first)) - Date.now()) < 60_000, String(first));
  assert.is((await dlq(cwd, 'replay', '--queue', 'graves')).status, 0);
  await until('the message is dead-lettered again', async () => (await roles.held('graves')) === 1);
  // This letter has no header about its origin.
  await roles.runHere(['publish', 'graves', 'stranger'], { cwd });
  const { status, stderr, stdout } = await dlq(cwd, 'replay', '--queue', 'graves', '--filter', 'stranger');
  assert.equal([status, stdout], [65, 'replayed 0 messages of graves, 2 left\n']);
  assert.match(stderr, /hint: mq dlq move --queue graves --to QUEUE/);
});

test('reading and a partial replay keep the order of a long queue', async () => {
  const cwd = folder('long');
  const input = Array.from({ length: 1000 }, (_, index) => String(index)).join('\n');
  assert.is((await roles.runHere(['publish', 'other', '--lines'], { cwd, input })).status, 0);
  const bodies = async () => {
    const all = await dlq(cwd, 'list', '--queue', 'long-other', '--json');
    assert.is(all.status, 0, all.stderr);
    return jsonLines(all.stdout).map(({ id }) => Number(String(id).split('-').at(-1)));
  };
  const first = await bodies();
  assert.equal(
    first,
    first.toSorted((one, other) => one - other),
  );
  assert.is(first.length, 1000);
  const purged = await dlq(cwd, 'purge', '--queue', 'long-other', '--filter', '77', '--yes');
  assert.match(purged.stdout, /^deleted 19 messages of long-other, 981 left/);
  const second = await bodies();
  assert.equal(
    second,
    first.filter((id) => !String(id - 1).includes('77')),
  );
});

test('an invalid command line is refused before a queue is read', async () => {
  const cwd = folder('never');
  for (const args of [
    [],
    ['lst', 'work'],
    ['list'],
    ['list', 'work', 'x'],
    ['list', 'work', '--to', 'x'],
    ['show', 'work'],
    ['move', 'work'],
    ['purge', '--queue', 'x'],
    ['list', '--queue', ''],
  ]) {
    const { status, stderr } = await dlq(cwd, ...args);
    assert.is(status, 64, args.join(' '));
    assert.match(stderr, /\[USAGE\]/);
  }
  const { status } = await dlq(cwd, 'list', 'nothing');
  assert.is(status, 78);
});

test('unknown message ids are reported with status 1', async () => {
  const queue = 'named';
  const cwd = folder(queue);
  await deadLetter(cwd, ['a', 'b']);
  for (const args of [['list'], ['replay'], ['replay', '--dry-run'], ['move', '--to', 'x'], ['purge', '--yes']]) {
    const [verb = '', ...more] = args;
    const { status, stderr } = await dlq(cwd, verb, queue, ...more, '--id', 'none');
    assert.is(status, 1, args.join(' '));
    const line = `mq dlq: no message of ${queue}.dead has the id "none" (the queue has 2) [ANSWER_NO]`;
    assert.equal(lines(stderr), [line, 'hint: mq dlq list shows them all'], args.join(' '));
  }
  const { status, stderr } = await dlq(cwd, 'list', queue, '--filter', 'reason=no such');
  assert.is(status, 1);
  assert.match(
    stderr,
    /^mq dlq: no message of named\.dead matches "reason=no such" \(the queue has 2\) \[ANSWER_NO\]\n/,
  );
  assert.is((await dlq(cwd, 'list', queue, '--id', 'none', '--id', 'id-a')).status, 0);
  assert.is(await roles.held(`${queue}.dead`), 2);
});

test.run();
