// Runs every row of the table of outcomes: each exit status with each --on-fail policy, on both types of queue.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { type Fate, policies, rowFor } from '../support/outcome-table.ts';
import { testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

function folder(queue: string, type: string, policy: string): string {
  const own = policy === 'retry: false' ? false : { onFail: policy };
  const handler = { exec: ['sh', '-c', 'exit "$(cat)"'] };
  return emptyFolder({
    'rascal.json': JSON.stringify({
      vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': type } } } } } },
      publications: { work: { queue } },
      subscriptions: { work: { queue, prefetch: 4 } },
      mq: {
        retry: { attempts: 3, delays: [600_000] },
        roles: { work: { consume: 'work', handler, retry: own } },
      },
    }),
  });
}

/** Returns what has happened to the message with this exit status after the role has ended. */
async function fateOf(status: string, queue: string, stderr: string): Promise<Fate> {
  const at = async (name: string) => {
    const all = (await roles.vhost.api('GET', `/api/queues/${roles.vhost.name}`)) as { name: string }[];
    if (!all.some((one) => one.name === name)) return false;
    return (await roles.peek(name)).some(({ payload }) => payload === status);
  };
  if (await at(`${queue}.dead`)) return 'dead';
  if (await at(`${queue}.retry.600000`)) return 'again';
  // The wait queue must be read first, because the message moves from the wait queue to the queue.
  if ((await at(`${queue}.retry.3000`)) || (await at(queue))) return 'back';
  return new RegExp(`^dropped.*: exit status ${status}( |$)`, 'm').test(stderr) ? 'dropped' : 'done';
}

for (const [index, policy] of policies.entries()) {
  test(`${policy}: each exit status has the outcome of its row`, async () => {
    const statuses = ['0', '1', '3', '4', '79'];
    const ends = statuses.filter((status) => rowFor(status, policy).isEnd);
    const stays = statuses.filter((status) => !ends.includes(status));
    const check = async (type: string, run: number, group: readonly string[]) => {
      const queue = `table-${type}-${index}-${run}`;
      const cwd = folder(queue, type, policy);
      const sent = await roles.run(['publish', 'work', '--lines'], { cwd, input: group.join('\n') });
      assert.is(sent.status, 0, sent.stderr);
      const { status: end, stderr } = await roles.run(['work', '--count', String(group.length)], { cwd });
      assert.is(end, run === 0 ? 0 : 1, stderr);
      for (const status of group) {
        const { fate } = rowFor(status, policy);
        const found = () => fateOf(status, queue, stderr);
        // While the message moves from the wait queue to the queue, it is in neither of them for a moment.
        if (fate === 'back') await until(`${status} is back`, async () => (await found()) === fate);
        else assert.is(await found(), fate, `${status}: ${stderr}`);
      }
    };
    const groups = [stays, ...ends.map((status) => [status])];
    await Promise.all(['classic', 'quorum'].flatMap((type) => groups.map((group, run) => check(type, run, group))));
  });
}

test.run();
