// The attempts of a message that kills its worker are counted on every queue type. Other messages are handled.

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

// The parent of the handler is mq itself.
const deadly =
  'body=$(cat); [ "$body" = poison ] && { kill -KILL $PPID; exit; }; echo "$body" >> handled; echo "$body"';

function folder(queue: string, type: string): string {
  const config = {
    vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': type } } } } } },
    publications: { work: { queue } },
    subscriptions: { work: { queue, prefetch: 10 } },
    mq: {
      retry: { attempts: 5, delays: [100] },
      roles: { work: { behaviour: 'consume', subscription: 'work', handler: { exec: ['sh', '-c', deadly] } } },
    },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

for (const type of ['classic', 'quorum']) {
  test(`only the message that kills its worker is dead-lettered, ${type}`, async () => {
    const queue = `deadly-${type}`;
    const cwd = folder(queue, type);
    const good = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    const input = [...good.slice(0, 4), 'poison', ...good.slice(4)].join('\n');
    assert.is((await roles.run(['publish', 'work', '--lines'], { cwd, input })).status, 0);
    const handled = () => new Set(lines(readFileSync(`${cwd}/handled`, 'utf8')));
    const { letter, deaths, log } = await roles.supervise(['work'], {
      cwd,
      dead: `${queue}.dead`,
      most: 6,
      isOver: () => handled().size === good.length,
    });
    // The first redelivery from a classic queue does not count, because its message may not have reached a handler.
    assert.is(deaths, type === 'classic' ? 6 : 5);
    const cause = /delivered again: its worker, its connection or the broker ended before the outcome arrived/;
    // A quorum queue counts deliveries by itself.
    assert.is(cause.test(log), type === 'classic', log);
    assert.equal(
      [letter.payload, letter.properties.headers?.['x-mq-reason']],
      ['poison', '5 attempts ended without an outcome'],
    );
    for (const empty of [queue, `${queue}.dead`, `${queue}.retry.100`]) {
      if (type === 'quorum' && empty.includes('.retry.')) continue; // this queue was not needed
      assert.is(await roles.held(empty), 0, empty);
    }
    assert.equal([...handled()].toSorted(), good);
  });
}

test.run();
