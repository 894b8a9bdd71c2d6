// Kills a replay with SIGKILL at many moments. Afterwards, every message is in one of the two queues.

import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const total = 20_000;
const mostKills = 12;
/** Maximum number of messages that are confirmed but not acknowledged at a kill. They are replayed twice. */
const publisherWindow = 256;

test('kill -9 of a replay loses nothing and repeats only unconfirmed messages', async () => {
  const queue = (more: object = {}) => ({
    options: { durable: true, arguments: { 'x-queue-type': 'quorum', ...more } },
  });
  const config = {
    vhosts: { '/': { queues: { alive: queue(), graves: queue({ 'x-delivery-limit': -1 }) } } },
    publications: { graves: { queue: 'graves' }, alive: { queue: 'alive' } },
    subscriptions: { alive: { queue: 'alive', prefetch: 500 }, graves: { queue: 'graves' } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  // This command declares the queue.
  assert.is((await roles.run(['subscribe', 'alive', '--until-empty'], { cwd })).status, 0);
  const input = Array.from({ length: total }, (_, index) => `${index}`).join('\n');
  const origin = ['--header', 'x-mq-queue=alive', '--header', 'x-mq-exchange=', '--header', 'x-mq-routing-key=alive'];
  assert.is((await roles.run(['publish', 'graves', '--lines', ...origin], { cwd, input })).status, 0);

  let kills = 0;
  for (;;) {
    const replay = roles.start(['dlq', 'replay', '--queue', 'graves'], { cwd });
    const isKilled =
      kills < mostKills && (await Promise.race([delay(randomInt(150, 450), true), replay.ended.then(() => false)]));
    if (isKilled) replay.kill('SIGKILL');
    const { signal, status, stderr } = await replay.ended;
    if (signal === 'SIGKILL') kills += 1;
    else {
      assert.is(status, 0, stderr);
      break;
    }
  }
  // The broker requeues the unacknowledged messages of a killed replay later, possibly after the next replay has ended.
  // Only a message that never returns is lost.
  const bodies: string[] = [];
  await until(`all ${total} messages are in the queue again after ${kills} kills`, async () => {
    for (const args of [
      ['dlq', 'replay', '--queue', 'graves'],
      ['subscribe', 'alive', '--until-empty'],
    ]) {
      const { status, stdout, stderr } = await roles.run(args, { cwd });
      assert.is(status, 0, stderr);
      if (args[0] === 'subscribe') bodies.push(...lines(stdout));
    }
    return new Set(bodies).size === total;
  });
  const repeated = bodies.length - total;
  assert.ok(repeated <= kills * publisherWindow, `${kills} kills repeated ${repeated} messages`);
  assert.ok(kills > 0, 'every replay ended before its kill');
  assert.is(await roles.held('graves'), 0);
});

test.run();
