// npm run bench, first part: measures mq against other programs in pairs and prints ratios of medians as a table. It does
// not fail if a ratio misses its target.
//
//   MQ_URL              address of the broker. By default a node is started from the image mq-rabbitmq:4.3, which
//                       test/setup builds.
//   MQ_MANAGEMENT_URL   address of its management API
//   --lines N           number of lines to send (default 100000)
//   --runs N            number of pairs (default 5)

import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import amqplib from 'amqplib/callback_api';
import { emptyFolder, executable } from '../support/mq.ts';
import { type Measured, measure, paired, row, say } from './measure.ts';

const { values } = parseArgs({ options: { lines: { type: 'string' }, runs: { type: 'string' } } });
const count = Number(values.lines ?? 100_000);
const runs = Number(values.runs ?? 5);
const window = '256';
const prefetch = '256';
const here = import.meta.dirname;
const node = process.execPath;

async function main(): Promise<void> {
  const own = process.env['MQ_URL'] === undefined ? await startNode() : undefined;
  const url = process.env['MQ_URL'] ?? own?.url ?? '';
  try {
    say(`medians of ${runs} pairs; ${count} lines of 100 bytes; window ${window}, prefetch ${prefetch}\n`);
    say('what                                                mq          other       ratio');
    await startUp();
    await clusters();
    for (const type of ['classic', 'quorum']) await publishing(type, url);
    for (const type of ['classic', 'quorum']) await consuming(type, url);
    await memory(url);
    await listing(process.env['MQ_MANAGEMENT_URL'] ?? own?.managementUrls[0]);
  } finally {
    await own?.down();
  }
}

async function startUp(): Promise<void> {
  const pairs = await paired(runs * 4, { command: [executable, '--version'] }, { command: [node, '-e', '0'] });
  row(
    '--version / node -e 0 (ms; want <= 1.3)',
    pairs,
    ({ seconds }) => seconds * 1000,
    (mine, other) => mine / other,
  );
  const cwd = configured('bench-classic', 'classic');
  const tab = await paired(
    runs * 4,
    { command: [executable, 'completions', 'words', '--', 'publish', 'ben'], cwd },
    { command: [executable, '--version'] },
  );
  row(
    'completion of a name / --version (ms; want <= 1.5)',
    tab,
    ({ seconds }) => seconds * 1000,
    (mine, other) => mine / other,
  );
}

/** Nodes share the processors, so on two processors three nodes cannot start as fast as one. */
async function clusters(): Promise<void> {
  const name = `mq-bench-${process.pid}`;
  const up = (nodes: number) => ({
    command: [executable, 'cluster', 'up', '--name', name, '--nodes', String(nodes), '--image', 'mq-rabbitmq:4.3'],
  });
  const down = async () => {
    await measure({ command: [executable, 'cluster', 'down', '--name', name] }).catch(() => undefined);
  };
  row(
    `three nodes ready / one, ${availableParallelism()} cores (ms; want <= 1.5)`,
    await paired(Math.min(runs, 3), up(3), up(1), down),
    ({ seconds }) => seconds * 1000,
    (three, one) => three / one,
  );
  await down();
}

async function publishing(type: string, url: string): Promise<void> {
  const queue = `bench-${type}`;
  const folder = configured(queue, type);
  const input = linesFile(folder, count);
  await declare(url, queue, type);
  const mq = { command: [executable, 'publish', 'bench', '--lines', '--window', window], cwd: folder, url, input };
  const perSecond = ({ seconds }: Measured) => count / seconds;
  const faster = (mine: number, other: number) => mine / other;
  const purged = () => declare(url, queue, type);
  row(
    `publish --lines / amqplib, ${type} (msg/s; want >= 0.9)`,
    await paired(runs, mq, { command: [node, join(here, 'amqplib.ts'), 'publish', queue, window], url, input }, purged),
    perSecond,
    faster,
  );
  row(
    `publish --lines / Rascal's publish, ${type} (msg/s)`,
    await paired(
      Math.min(runs, 3),
      mq,
      { command: [node, join(here, 'rascal.ts'), queue, window, '5'], url, input },
      purged,
    ),
    perSecond,
    faster,
  );
}

async function consuming(type: string, url: string): Promise<void> {
  const queue = `bench-${type}`;
  const folder = configured(queue, type);
  const input = linesFile(folder, count);
  writeFileSync(join(folder, 'empty.ts'), 'export default () => undefined;\n');
  const fill = async () => {
    await declare(url, queue, type);
    await measure({ command: [node, join(here, 'amqplib.ts'), 'publish', queue, window], url, input });
  };
  const mq = {
    command: [
      executable,
      'subscribe',
      'bench',
      '--handler',
      'empty.ts',
      '--count',
      String(count),
      '--prefetch',
      prefetch,
    ],
    cwd: folder,
    url,
  };
  const other = { command: [node, join(here, 'amqplib.ts'), 'consume', queue, prefetch, String(count)], url };
  const pairs = await paired(runs, mq, other, fill);
  row(
    `subscribe --handler / amqplib, ${type} (msg/s; want >= 0.9)`,
    pairs,
    ({ seconds }) => count / seconds,
    (mine, theirs) => mine / theirs,
  );
}

async function memory(url: string): Promise<void> {
  const folder = configured('bench-classic', 'classic');
  await declare(url, 'bench-classic', 'classic');
  const peakOf = async (lines: number) => {
    const input = linesFile(folder, lines);
    const { peak } = await measure({
      command: [executable, 'publish', 'bench', '--lines', '--window', window],
      cwd: folder,
      url,
      input,
    });
    return peak;
  };
  const empty = await peakOf(1);
  for (const lines of [count, count * 5]) {
    const peak = await peakOf(lines);
    say(
      `${`memory, ${lines} lines over 1 line (MB; want <= 120)`.padEnd(50)}  ${peak.toFixed(0).padStart(8)}    ${empty.toFixed(0).padStart(8)}    +${(peak - empty).toFixed(0)}`,
    );
  }
}

/** Lists a thousand queues with mq, with curl of all columns, and with curl of only the columns that mq requests. */
async function listing(management: string | undefined): Promise<void> {
  if (management === undefined) return;
  const { origin, username, password } = new URL(management);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const ask = (method: string, path: string, body?: object) =>
    fetch(`${origin}/api/${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    }).then((response) => response.text());
  await ask('PUT', 'vhosts/mq-bench', {});
  await ask('PUT', `permissions/mq-bench/${username}`, { configure: '.*', write: '.*', read: '.*' });
  for (let queue = 0; queue < 1_000; queue += 1) await ask('PUT', `queues/mq-bench/queue-${queue}`, { durable: true });
  const columns = 'vhost,name,type,messages_ready,messages_unacknowledged,consumers,state';
  const mq = [executable, 'admin', 'list', 'queues', '--vhost', 'mq-bench', '--management-url', management];
  const curl = ['curl', '-sf', '-u', `${username}:${password}`];
  const milliseconds = ({ seconds }: Measured) => seconds * 1000;
  const slower = (mine: number, other: number) => mine / other;
  for (const [what, more, query] of [
    ['admin list, 1000 queues / curl', [], ''],
    ['  / curl of the same columns', [], `?columns=${columns}`],
    ['  --json / curl', ['--json'], ''],
  ] as const) {
    const url = `${origin}/api/queues/mq-bench${query}`;
    const pairs = await paired(runs * 4, { command: [...mq, ...more] }, { command: [...curl, url] });
    row(`${what} (ms; want <= 1.5)`, pairs, milliseconds, slower);
  }
  await ask('DELETE', 'vhosts/mq-bench');
}

function configured(queue: string, type: string): string {
  const definition = { options: { durable: true, arguments: { 'x-queue-type': type } } };
  const config = {
    vhosts: { '/': { queues: { [queue]: definition } } },
    publications: { bench: { queue } },
    subscriptions: { bench: { queue } },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

function linesFile(folder: string, lines: number): string {
  const file = join(folder, `lines-${lines}`);
  writeFileSync(file, `${'x'.repeat(100)}\n`.repeat(lines));
  return file;
}

/** Deletes the queue and declares it again, so that it is empty. */
function declare(url: string, queue: string, type: string): Promise<void> {
  return new Promise((resolved, failed) => {
    amqplib.connect(url, (error, connection) => {
      if (error) return failed(error);
      connection.createChannel((_, channel) => {
        channel.deleteQueue(queue, {}, () => {
          channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } }, () =>
            connection.close(() => resolved()),
          );
        });
      });
    });
  });
}

async function startNode(): Promise<{ url: string; managementUrls: readonly string[]; down(): Promise<void> }> {
  const { startCluster } = await import(resolve(here, '../../src/cluster/start.ts'));
  return startCluster({ nodes: 1, image: 'mq-rabbitmq:4.3', owner: process.pid });
}

await main();
