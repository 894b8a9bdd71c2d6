// A message that kills its worker: it is counted on every queue type, and those that were beside it are handled.

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
  test(`of ten messages in one worker only the one that kills it is dead-lettered, on a ${type} queue`, async () => {
    const queue = `deadly-${type}`;
    const cwd = folder(queue, type);
    const good = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    const input = [...good.slice(0, 4), 'poison', ...good.slice(4)].join('\n');
    assert.is((await roles.run(['publish', 'work', '--lines'], { cwd, input })).status, 0);
    let deaths = 0;
    for (;;) {
      // A supervisor: whatever ends the worker, another one starts.
      const { signal, status, stderr } = await roles.run(['work', '--idle', '2'], { cwd });
      if (signal === undefined) {
        assert.is(status, 0, stderr);
        break;
      }
      deaths += 1;
      assert.ok(deaths <= 5, `${deaths} deaths`);
    }
    assert.is(deaths, 5);
    const [dead] = await roles.take(`${queue}.dead`, 1);
    assert.equal(
      [dead!.payload, dead!.properties.headers?.['x-mq-reason']],
      ['poison', '5 attempts ended without an outcome'],
    );
    for (const empty of [queue, `${queue}.dead`, `${queue}.retry.100`]) {
      if (type === 'quorum' && empty.includes('.retry.')) continue; // never needed
      assert.is(await roles.held(empty), 0, empty);
    }
    const handled = lines((await import('node:fs')).readFileSync(`${cwd}/handled`, 'utf8'));
    assert.equal([...new Set(handled)].toSorted(), good);
  });
}

test.run();
