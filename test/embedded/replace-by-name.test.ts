// Publishes to a queue by its name while mq apply --replace replaces it: each confirmed message arrives or is returned. RabbitMQ
// also confirms a message that it routes to a queue at the moment of its deletion, so this test is only for the embedded
// broker.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startRole } from '../faults/process.ts';
import { executable } from '../support/mq.ts';
import { kinds, received, withShop } from '../support/replace.ts';

for (const [kind, differing] of Object.entries(kinds)) {
  test(`${kind}: a confirmed message by name arrives or is returned`, () =>
    withShop(differing, async (shop) => {
      const { channel } = shop;
      const [confirmed, returned] = [new Set<string>(), new Set<string>()];
      channel.on('return', ({ content }: { content: Buffer }) => returned.add(content.toString()));
      const args = ['apply', '--replace', 'orders', '--yes'];
      const role = startRole({ executable, args, cwd: shop.cwd, env: shop.env });
      let isEnded = false;
      void role.ended.then(() => {
        isEnded = true;
      });
      for (let number = 1; !isEnded; number += 1) {
        const body = String(number);
        channel.sendToQueue('orders', Buffer.from(body), { mandatory: true, persistent: true }, (error) => {
          if (!error) confirmed.add(body);
        });
        // The pauses grow, because mq apply gives up if it finds a new message before each of its deletions.
        await new Promise((resolve) => setTimeout(resolve, number / 50));
      }
      assert.is((await role.ended).status, 0, role.lastLines());
      await channel.waitForConfirms();
      const found = new Set((await received(channel, 'orders')).map(({ content }) => content.toString()));
      assert.equal(
        [...confirmed].filter((body) => !found.has(body) && !returned.has(body)),
        [],
      );
    }));
}

test.run();
