// Compares whole short commands with the least that another program needs for the same.

import { executable } from '../../support/mq.ts';
import { inTurn, type Job } from '../measure.ts';
import { cpuMs, elapsedMs, peakMb, table } from '../table.ts';
import { publishOnce } from './clients.ts';
import { configured, declare, type Settings } from './node.ts';

const columns = [cpuMs, elapsedMs, peakMb];
const empty = { name: 'node -e 0', command: [process.execPath, '-e', '0'] };

interface Named extends Job {
  readonly name: string;
}

async function compare(
  title: string,
  rounds: number,
  jobs: readonly Named[],
  before?: () => Promise<void>,
): Promise<void> {
  const results = await inTurn(rounds, jobs, before);
  table(
    title,
    columns,
    jobs.map(({ name }, index) => ({ name, rounds: results[index] ?? [] })),
  );
}

/** Commands that need no broker. */
export async function start({ runs }: Settings): Promise<void> {
  const cwd = configured('bench-classic', 'classic');
  for (const args of [
    ['--version'],
    ['--help'],
    ['publish', '--help'],
    ['check'],
    ['completions', 'words', '--', 'publish', 'ben'],
  ]) {
    const command = [executable, ...args];
    await compare(`mq ${args.join(' ')}`, runs * 4, [{ name: 'mq', command, cwd }, empty]);
  }
}

/** Commands that connect, do one thing and end. */
export async function oneShot({ runs, node }: Settings): Promise<void> {
  const { url } = await node();
  const queue = 'bench-classic';
  const cwd = configured(queue, 'classic');
  const least = { name: 'amqplib, one publish', command: publishOnce('amqplib', queue), url };
  const c = { name: 'amqp-publish (C)', command: ['amqp-publish', '--url', url, '-r', queue, '-p', '-b', 'x'] };
  const filled = () => declare(url, queue, 'classic', 1);
  for (const args of [
    ['publish', 'bench', 'x'],
    ['task', 'x'],
    ['subscribe', 'bench', '--count', '1'],
  ]) {
    const mq = { name: 'mq', command: [executable, ...args], cwd, url };
    await compare(`mq ${args.join(' ')}`, runs * 2, [mq, least, c, empty], filled);
  }
}

/** Lists a thousand queues with mq, with curl of all columns, and with curl of only the columns that mq requests. */
export async function adminList({ runs, node }: Settings): Promise<void> {
  const { managementUrl } = await node();
  if (managementUrl === undefined) return;
  const { origin, username, password } = new URL(managementUrl);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const request = async (method: string, path: string, body: object = {}) => {
    const headers = { authorization, 'content-type': 'application/json' };
    const response = await fetch(`${origin}/api/${path}`, { method, headers, body: JSON.stringify(body) });
    await response.text();
  };
  await request('PUT', 'vhosts/mq-bench');
  await request('PUT', `permissions/mq-bench/${username}`, { configure: '.*', write: '.*', read: '.*' });
  for (let queue = 0; queue < 1_000; queue += 1)
    await request('PUT', `queues/mq-bench/queue-${queue}`, { durable: true });
  const requested = 'vhost,name,type,messages_ready,messages_unacknowledged,consumers,state';
  const mq = [executable, 'admin', 'list', 'queues', '--vhost', 'mq-bench', '--management-url', managementUrl];
  const curl = (query: string) => [
    'curl',
    '-sf',
    '-u',
    `${username}:${password}`,
    `${origin}/api/queues/mq-bench${query}`,
  ];
  for (const [title, args] of [
    ['mq admin list queues, 1,000 queues', []],
    ['mq admin list queues --json', ['--json']],
  ] as const) {
    await compare(title, runs * 2, [
      { name: 'mq', command: [...mq, ...args] },
      { name: 'curl, all columns', command: curl('') },
      { name: 'curl, the columns of mq', command: curl(`?columns=${requested}`) },
      empty,
    ]);
  }
  await request('DELETE', 'vhosts/mq-bench');
}
