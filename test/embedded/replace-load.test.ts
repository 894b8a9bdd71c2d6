// mq apply --replace replaces a queue while 1,000 messages a second arrive through an exchange, also if it is killed at random
// moments. The history of the publisher and of the queue is judged as in test/faults.
//   MQ_FAULTS_SEED=1   selects the moments of the kills

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyHistory, type History } from '../faults/history.ts';
import { startRole } from '../faults/process.ts';
import { Sender } from '../faults/sender.ts';
import { drawTable } from '../faults/table.ts';
import { verdictOf } from '../faults/verdict.ts';
import { emptyFolder, executable } from '../support/mq.ts';
import { randomOf, seedOf } from '../support/random.ts';
import { kinds, objectsIn, received, type Shop, withShop } from '../support/replace.ts';
import { until } from '../support/until.ts';

const rate = 1_000;
/** The window of the publisher. */
const window = 256;
const publications = { faults: { exchange: 'events', routingKey: 'order.new' } };
const kills = 4;
const seed = seedOf('MQ_FAULTS_SEED');

/** Starts mq apply --replace. Its lines are the steps, in JSON. */
function startReplacement({ cwd, env }: Shop) {
  const lines: string[] = [];
  const args = ['apply', '--replace', 'orders', '--yes', '--json'];
  const role = startRole({ executable, args, cwd, env, onLine: (line) => lines.push(line) });
  return { role, lines };
}

/** Runs `replace` while messages arrive, and returns the history of all messages. */
async function underLoad(shop: Shop, replace: () => Promise<void>): Promise<History> {
  const { channel } = shop;
  const history = emptyHistory();
  // The file of the publisher does not define the queue, because mq would declare it with the publication.
  const content = { vhosts: { '/': { exchanges: { events: {} } } }, publications };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(content) });
  const env = { ...shop.env, MQ_CONFIG: join(cwd, 'rascal.json') };
  const sender = new Sender({ executable, cwd, env, history, rate, window, name: 'm' });
  sender.start();
  try {
    await until('messages arrive', () => history.outcomes.size > 2 * window || history.errors[0]);
    await replace();
    await sender.answered();
    await sender.finish(30_000);
  } finally {
    sender.kill();
  }
  for (const { content } of await received(channel, 'orders'))
    history.effects.push({ body: content.toString(), slot: 0, redelivered: false, attempt: 1, at: Date.now() });
  assert.equal((await objectsIn(shop.vhost)).queues, ['orders']);
  return history;
}

function judge(title: string, history: History, duplicates: number): void {
  const verdict = verdictOf(history, { duplicates, order: false });
  console.log(drawTable([{ fault: title, verdict }]));
  assert.equal(verdict.failures, []);
}

for (const [kind, differing] of Object.entries(kinds)) {
  test(`replaces ${kind} under load`, () =>
    withShop(differing, async (shop) => {
      let gapMs: unknown;
      const history = await underLoad(shop, async () => {
        const { role, lines } = startReplacement(shop);
        assert.is((await role.ended).status, 0, role.lastLines());
        ({ gapMs } = JSON.parse(lines[0] ?? '{}') as { gapMs?: unknown });
      });
      console.log(`gap: ${gapMs} ms`);
      assert.type(gapMs, 'number');
      // Both queues are bound for a moment, twice in a run.
      judge(kind, history, 2 * window);
    }));

  test(`replaces ${kind} under load with kill -9 (MQ_FAULTS_SEED=${seed})`, () =>
    withShop(differing, async (shop) => {
      const random = randomOf(seed);
      let killed = 0;
      const history = await underLoad(shop, async () => {
        for (;;) {
          const { role } = startReplacement(shop);
          const isKilled = killed < kills;
          // The moment is random, and the test does not depend on it.
          if (isKilled) void delay(300 + random.below(6_000)).then(() => role.child.kill('SIGKILL'));
          const { status, signal } = await role.ended;
          if (status === 0) return;
          assert.ok(isKilled && signal === 'SIGKILL', role.lastLines());
          killed += 1;
        }
      });
      // A killed run leaves the messages of one window unconfirmed, and both queues are bound for a moment in each run.
      judge(`${kind}, killed ${killed} times`, history, 2 * window * (killed + 1));
    }));
}

test.run();
