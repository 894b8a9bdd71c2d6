// mq apply --replace is killed before each of its changes. The next run finishes, and no message and no binding is lost.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Differing, kinds, objectsIn, received, type Shop, withShop } from '../support/replace.ts';

const files = ['../../src/build/node24.js', '../support/replace-process.ts'].map((file) =>
  resolve(import.meta.dirname, file),
);
/** Exit status of node24.js if SIGKILL ended the process. */
const killed = 128 + 9;
/** Number of replacements at the same time. */
const atOnce = 10;

/** Runs the replacement. Returns the names of its changes, and the exit status. */
async function replaceIn({ env }: Shop, args: readonly string[]) {
  const child = spawn('node', [...files, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (text) => {
    printed += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { points: printed.split('\n').slice(0, -1), status };
}

async function publish({ channel }: Shop, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1)
    channel.publish('events', number % 2 === 0 ? 'order.new' : 'other.new', Buffer.from(String(number)));
  await channel.waitForConfirms();
}

/** Kills the replacement before a change, and finishes it. */
async function killAndFinish(differing: Differing, killAt: number): Promise<void> {
  await withShop(differing, async (shop) => {
    const { vhost, channel, run } = shop;
    await channel.bindQueue('orders', 'events', 'other.#');
    await publish(shop, 1, 400);
    assert.is((await replaceIn(shop, [String(killAt)])).status, killed);
    await publish(shop, 401, 500);
    const { status, stderr } = await run(['apply', '--replace', 'orders', '--yes']);
    assert.is(status, 0, `killed at ${killAt}: ${stderr}`);
    await publish(shop, 501, 510);
    const bodies = (await received(channel, 'orders')).map(({ content }) => Number(content.toString()));
    const numbers = Array.from({ length: 510 }, (_, at) => at + 1);
    assert.equal(
      [...new Set(bodies)].toSorted((one, other) => one - other),
      numbers,
      `killed at ${killAt}`,
    );
    // Only the messages of one window are unconfirmed at a kill, and each may then exist twice.
    assert.ok(bodies.length <= 510 + 256, `${bodies.length} messages`);
    const bindings = ['events order.*', 'events other.#'];
    assert.equal(await objectsIn(vhost), { queues: ['orders'], exchanges: ['events'], bindings });
  });
}

for (const [kind, differing] of Object.entries(kinds).slice(0, 2)) {
  test(`finishes after kill -9 at each change, replacing ${kind}`, async () => {
    let points: string[] = [];
    await withShop(differing, async (shop) => {
      await shop.channel.bindQueue('orders', 'events', 'other.#');
      ({ points } = await replaceIn(shop, []));
    });
    for (const point of ['hold', 'move', 'bind', 'delete', 'declare', 'move back', 'delete holding'])
      assert.ok(points.includes(point), `${point} in ${points}`);
    const left = points.map((_, at) => at);
    const worker = async () => {
      for (let at = left.shift(); at !== undefined; at = left.shift()) await killAndFinish(differing, at);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  });
}

test('fails if the queue and its holding queue are gone', () =>
  withShop({ wanted: {}, found: {} }, async (shop) => {
    await shop.channel.deleteQueue('orders');
    const { status } = await replaceIn(shop, []);
    assert.is.not(status, 0);
  }));

test.run();
