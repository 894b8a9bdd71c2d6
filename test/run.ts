// The project's own tests: which files belong to which tier, what a tier needs, and the one closing line. Each file runs
// in the harness that is inside dist/mq, as a file of `mq test` does.
//
//   node src/build/node24.js test/run.ts [unit] [executable] [embedded] [robustness] [conformance] [cluster] [faults] [file.ts …]
//     --filter TEXT    only tests whose name contains it      --version 4.0|4.3   only this RabbitMQ (cluster, conformance, faults)
//     --seed N         the order of files, as it was printed  --timeout SECONDS   for one test
//     --jobs N         files at the same time

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { globSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { resolve, sep } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { MqError } from '../src/errors.ts';
import { newSeed, shuffled } from '../src/harness/order.ts';
import { closingLine, drawFile, isGood, type Totals, totalsOf } from '../src/harness/report.ts';
import { type Launch, runFiles } from '../src/harness/run.ts';
import { executable, startMq } from './support/mq.ts';
import type { TestBroker } from './support/vhost.ts';

const root = resolve(import.meta.dirname, '..');
const tiers = ['unit', 'executable', 'embedded', 'robustness', 'conformance', 'cluster', 'faults'] as const;
type Tier = (typeof tiers)[number];
const versions = ['4.0', '4.3'];

/** Files that run together, and what has to be there for them. */
interface Batch {
  readonly title: string;
  readonly files: readonly string[];
  readonly jobs: number;
  readonly timeoutMs: number;
  /** Why it cannot run here; undefined: it can. */
  readonly obstacle?: () => Promise<string | undefined>;
  /** Gives the environment of the files, and takes it down again. */
  readonly around?: (use: (env: Record<string, string>) => Promise<void>, signal: AbortSignal) => Promise<void>;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      filter: { type: 'string' },
      seed: { type: 'string' },
      timeout: { type: 'string' },
      jobs: { type: 'string' },
      version: { type: 'string', multiple: true },
    },
  });
  const stop = new AbortController();
  // For good, not once: node24.js passes on a signal that a terminal has sent here as well, and the cluster must go down.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));
  process.stdout.on('error', () => stop.abort('SIGPIPE'));

  const seed = wholeNumber('--seed', values.seed) ?? newSeed();
  const jobs = wholeNumber('--jobs', values.jobs);
  const timeout = wholeNumber('--timeout', values.timeout);
  const totals: Totals[] = [];
  say(`order of files: --seed ${seed}`);
  for (const batch of batchesOf(positionals, values.version ?? versions)) {
    if (stop.signal.aborted) break;
    say(`\n${batch.title}`);
    totals.push(
      await runBatch({
        ...batch,
        files: shuffled(batch.files, seed),
        jobs: jobs ?? batch.jobs,
        timeoutMs: timeout === undefined ? batch.timeoutMs : timeout * 1000,
        filter: values.filter,
        signal: stop.signal,
      }),
    );
  }
  const sum = totals.reduce(add, nothing);
  const interrupted = stop.signal.aborted;
  if (interrupted) say(`\ninterrupted by ${stop.signal.reason}`);
  say(`\n${closingLine(sum)}`);
  if (interrupted) return 128 + constants.signals[stop.signal.reason as NodeJS.Signals];
  return isGood(sum) ? 0 : 1;
}

/** Those of the tiers that are named, or of all; where files are named, only these in each. */
function batchesOf(words: readonly string[], wanted: readonly string[]): Batch[] {
  const files = words.filter((word) => /\.[cm]?[jt]s$/.test(word));
  const names = words.filter((word) => !files.includes(word));
  const unknown = names.find((name) => !tiers.some((tier) => tier === name));
  if (unknown !== undefined) throw new Error(`there is no tier "${unknown}"; tiers: ${tiers.join(', ')}`);
  const ofTier: Record<Tier, Batch[]> = {
    unit: [{ ...plain('unit'), jobs: Math.max(2, Math.floor(availableParallelism() / 2)) }],
    executable: [plain('executable')],
    embedded: [embedded],
    robustness: [{ ...plain('robustness'), jobs: 1, timeoutMs: 300_000 }],
    conformance: wanted.slice(-1).map(conformance),
    cluster: wanted.map(cluster),
    faults: [
      { ...plain('faults/embedded'), title: 'faults, embedded', jobs: 1, timeoutMs: 120_000 },
      ...wanted.slice(-1).map(faults),
    ],
  };
  const batches = tiers.filter((tier) => names.length === 0 || names.includes(tier)).flatMap((tier) => ofTier[tier]);
  if (files.length === 0) return batches;
  const paths = files.map((file) => resolve(file));
  const other = paths.filter((path) => !everyFile.includes(path));
  const chosen = batches.map((batch) => ({ ...batch, files: batch.files.filter((file) => paths.includes(file)) }));
  return [{ title: 'files', files: other, jobs: 2, timeoutMs: 30_000 }, ...chosen].filter(
    (one) => one.files.length > 0,
  );
}

const everyFile = globSync('test/**/*.test.ts', { cwd: root })
  .map((file) => resolve(root, file))
  .sort();

function filesIn(...folders: readonly string[]): string[] {
  return everyFile.filter((file) => folders.some((folder) => file.startsWith(resolve(root, 'test', folder) + sep)));
}

/** Files that need nothing but the executable. */
function plain(tier: string): Batch {
  return { title: tier, files: filesIn(tier), jobs: 2, timeoutMs: 30_000 };
}

/** The suites that every broker must pass, on one `mq broker` for all files; and what concerns only this broker. */
const embedded: Batch = {
  title: 'embedded',
  files: filesIn('suites', 'embedded'),
  jobs: 2,
  timeoutMs: 60_000,
  around: async (use) => {
    const password = randomUUID();
    const env = { MQ_BROKER_PASSWORD: password };
    const broker = startMq(['broker', '--port', '0', '--management-port', '0', '--user', 'mq', '--json'], {
      env,
      deadlineMs: 2 ** 31 - 1,
    });
    try {
      const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
      const login = (address: string) => Object.assign(new URL(address), { username: 'mq', password }).href;
      const described: TestBroker = { urls: [login(url)], managementUrls: [login(management)] };
      await use({ MQ_TEST_BROKER: JSON.stringify(described) });
    } finally {
      broker.kill();
    }
    const { status, stderr } = await broker.ended;
    if (status !== 0) throw new Error(`mq broker ended with ${status}: ${stderr}`);
  },
};

/** Other people's clients, on RabbitMQ and on the embedded broker. */
function conformance(version: string): Batch {
  return { ...onCluster(version, 1), title: `conformance with RabbitMQ ${version}`, files: filesIn('conformance') };
}

/** The same suites and faults; one cluster for all files. */
function cluster(version: string): Batch {
  return { ...onCluster(version, 3), title: `cluster, RabbitMQ ${version}`, files: filesIn('suites', 'cluster') };
}

/** The short form of `npm run test:faults`. */
function faults(version: string): Batch {
  return {
    ...onCluster(version, 3),
    title: `faults, RabbitMQ ${version}`,
    files: filesIn('faults/cluster'),
    timeoutMs: 240_000,
  };
}

function onCluster(version: string, nodes: number): Omit<Batch, 'title' | 'files'> {
  const image = `mq-rabbitmq:${version}`;
  return {
    jobs: 1,
    timeoutMs: 180_000,
    obstacle: () => missing(image),
    around: async (use, signal) => {
      const { sweep } = await import('../src/cluster/removal.ts');
      const { startCluster } = await import('../src/cluster/start.ts');
      await sweep({ isAlive });
      await using started = await startCluster({ image, nodes, owner: process.pid, signal });
      const { urls, managementUrls, name } = started;
      const described: TestBroker = { urls, managementUrls, cluster: name };
      await use({ MQ_TEST_BROKER: JSON.stringify(described) });
    },
  };
}

async function runBatch(batch: Batch & { filter: string | undefined; signal: AbortSignal }): Promise<Totals> {
  const { files, jobs, timeoutMs, filter, signal, obstacle, around } = batch;
  if (files.length === 0) return failed('there is no test file');
  const why = await obstacle?.();
  if (why !== undefined) {
    if (process.env['CI'] === 'true') return failed(`cannot run: ${why}`);
    say(`skip ${files.length} files: ${why}`);
    return { ...nothing, skipped: files.length };
  }
  const use = async (env: Record<string, string>) => {
    if (signal.aborted) return;
    const launch: Launch = { ...self, env: { ...process.env, MQ_TEST_NODE: process.execPath, ...env } };
    const results = await runFiles({
      files,
      jobs,
      timeoutMs,
      ...(filter !== undefined && { filter }),
      launch,
      signal,
      onResult: (result) => {
        const shown = result.passed + result.failures.length + result.skipped.length > 0;
        if (shown) say(drawFile(result, root));
      },
    });
    totals = totalsOf(results);
  };
  let totals = nothing;
  try {
    if (around === undefined) await use({});
    else await around(use, signal);
  } catch (error) {
    const problems = error instanceof MqError ? error.problems : [];
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    totals = add(totals, failed([stack, ...problems].join('\n  ')));
  }
  return totals;
}

const self: Omit<Launch, 'env'> = {
  command: executable,
  args: ['test-child'],
  kill: (pid) => {
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
    } catch {
      // Nothing of it is left.
    }
  },
};

/** Why no container can be made from the image. */
async function missing(image: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return `the cluster needs Linux, and this is ${process.platform}`;
  try {
    await promisify(execFile)('docker', ['image', 'inspect', image]);
    return undefined;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return 'there is no docker';
    const { stderr } = error as { stderr?: string };
    return `${stderr?.trim() || String(error)} (test/setup starts Docker and makes the images)`;
  }
}

const nothing: Totals = { passed: 0, failed: 0, skipped: 0 };

function add(a: Totals, b: Totals): Totals {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

function failed(why: string): Totals {
  say(`FAIL ${why}`);
  return { ...nothing, failed: 1 };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM';
  }
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text !== undefined && !/^\d+$/.test(text)) throw new Error(`${option} wants a whole number, not "${text}"`);
  return text === undefined ? undefined : Number(text);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

// At the end: what the functions above use has to be initialised.
process.exitCode = await main();
