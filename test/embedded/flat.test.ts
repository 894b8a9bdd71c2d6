// Closes connections repeatedly: a role's process must not accumulate file descriptors, timers or listeners.

import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAddresses } from '../../src/config/address.ts';
import { builtinConfig } from '../../src/config/load.ts';
import { newCounts } from '../../src/session/counts.ts';
import { Session } from '../../src/session/session.ts';
import { until } from '../support/until.ts';
import { testVhost } from '../support/vhost.ts';

const vhost = await testVhost();
test.after(vhost.remove);

const times = 20;

/** Returns the number of timers, sockets and file descriptors of this process. */
function openResources(): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return {
    timers: kinds['Timeout'] ?? 0,
    sockets: kinds['TCPSocketWrap'] ?? 0,
    descriptors: readdirSync('/proc/self/fd').length,
  };
}

test(`closing connections ${times} times leaves no descriptor, timer, listener`, async () => {
  const warnings: string[] = [];
  const warned = ({ message }: Error) => warnings.push(message);
  process.on('warning', warned);
  const counts = newCounts();
  const session = new Session({
    config: builtinConfig(JSON.parse(readFileSync(resolve(import.meta.dirname, '../../rascal.json'), 'utf8'))),
    addresses: parseAddresses(vhost.url, { at: 'the test', code: 'USAGE' }),
    role: 'flat',
    confirmTimeoutMs: 60_000,
    say: () => undefined,
    counts,
  });
  const { publisher, destination } = await session.publisher('task', { window: 10 });
  const { consumer } = await session.consumer('task', { prefetch: 10 });
  let received = 0;
  consumer.on('delivery', (delivery) => {
    received += 1;
    delivery.ack();
  });
  await consumer.start();
  const passes = async () => {
    const before = received;
    const { exchange, routingKey } = destination;
    const properties = { messageId: randomUUID() };
    const sent = await publisher.publish({ exchange, routingKey, body: Buffer.from('x'), properties, mandatory: true });
    assert.is(sent.type, 'confirmed');
    await until('the message is received', () => received > before);
  };
  try {
    await passes();
    let first: Record<string, number> = {};
    for (let time = 1; time <= times; time += 1) {
      const lost = counts.lost;
      const all = (await vhost.api('GET', `/api/vhosts/${vhost.name}/connections`)) as { name: string }[];
      for (const { name } of all) await vhost.api('DELETE', `/api/connections/${encodeURIComponent(name)}`);
      await until('both are connected again', () => counts.lost >= lost + 2 && counts.connected === 2);
      await until('the consumer is attached again', () => counts.consumers === 1);
      await passes();
      if (time === 5) first = openResources();
    }
    // A connection that a session has abandoned closes later.
    await until('no more resources are open than after the fifth time', () => {
      const now = openResources();
      const more = Object.keys(now).filter((kind) => (now[kind] ?? 0) > (first[kind] ?? 0));
      assert.equal(more, [], JSON.stringify({ first, now }));
      return true;
    });
    assert.equal(warnings, []);
  } finally {
    process.off('warning', warned);
    await consumer.stop();
    await session.close();
  }
});

test.run();
