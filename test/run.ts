// Runs the tests of this project tier by tier with `dist/mq test`, and prints the totals in the last line.
//
//   node src/build/node24.js test/run.ts [unit] [executable] [simulation] [embedded] [robustness] [conformance] [cluster] [faults] [file.ts …]
//     --version 4.0|4.3   only this version of RabbitMQ (cluster, conformance, faults)
//     --setup FILE        runs this program at the same time; only batches that need nothing from it begin before its end
//     --filter, --seed, --timeout, --jobs   are passed to `mq test`

import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { basename, join, relative, resolve, sep } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { newSeed } from '../src/harness/order.ts';
import { closingLine, isGood, type Totals } from '../src/harness/report.ts';
import { executable, startMq } from './support/mq.ts';

const root = resolve(import.meta.dirname, '..');
const versions = ['4.0', '4.3'];
/** One run of `mq test`. */
interface Batch {
  readonly title: string;
  /** Folders below test/. */
  readonly folders: readonly string[];
  /** Names of files in these folders that do not belong to the batch. */
  readonly without?: readonly string[];
  /** Time limit of one test in seconds. It is longer than the waits in a test, which report a missing event better. */
  readonly timeout: number;
  readonly jobs?: number;
  /**
   * Batches of different lanes run at once. `nodes` is for files that wait for nodes most of the time, and `any` for the lane that
   * is free first. The default is `local`.
   */
  readonly lane?: 'local' | 'nodes' | 'any';
  /** `true` if the batch needs no Docker, so that it can begin before the end of --setup. */
  readonly needsNoSetup?: true;
  /** Additional arguments. */
  readonly on?: readonly string[];
  /** Required image. */
  readonly image?: string;
  /** Starts what the tests need, calls `use` with additional arguments, and stops it. */
  readonly around?: (use: (on: readonly string[]) => Promise<void>) => Promise<void>;
}

/**
 * Files that run only on the newest version (the scenarios also on the embedded broker). They test input, handlers, signals and
 * output of mq, its containers and its documentation, and they use only what is the same in each version. How a queue counts,
 * requeues, expires, dead-letters or refuses may depend on the version, so the files about that run on both.
 */
const sameOnEachVersion = {
  scenarios: [
    'bad-input',
    'batch',
    'bytes',
    'handler-environment',
    'hello',
    'named-connection',
    'observability',
    'publish-subscribe',
    'routing',
    'topics',
    'user-folder',
  ],
  cluster: ['broker-memory', 'command', 'documents', 'guide'],
};

/** A file of cluster/ that runs with the scenarios of the newest version, because it only waits for clusters of its own. */
const besideScenarios = 'cluster/harness.test.ts';

/** Returns what a batch leaves out, because it runs on the newest version. */
function withoutSame(folder: keyof typeof sameOnEachVersion, version: string): Pick<Batch, 'without'> {
  const names = version === versions.at(-1) ? [] : sameOnEachVersion[folder];
  const elsewhere = folder === 'cluster' ? [basename(besideScenarios)] : [];
  return { without: [...names.map((name) => `${name}.test.ts`), ...elsewhere] };
}

/** Returns the batches of each tier for the given versions of RabbitMQ. */
const tiers: Readonly<Record<string, (wanted: readonly string[]) => Batch[]>> = {
  unit: () => [{ title: 'unit', folders: ['unit'], timeout: 180, needsNoSetup: true }],
  // The roles and the broker in virtual time, with simulated networks, disks and faults.
  simulation: () => [{ title: 'simulation', folders: ['simulation'], timeout: 600, jobs: 1, needsNoSetup: true }],
  executable: () => [{ title: 'executable', folders: ['executable'], timeout: 120, jobs: 2 }],
  // The scenarios, which every broker must pass, and the tests of the embedded broker, with one `mq broker` for all files.
  // Three files run at once, because most of them wait for several processes.
  embedded: () => [
    { title: 'embedded', folders: ['scenarios', 'embedded'], timeout: 240, jobs: 3, around: withEmbeddedBroker },
  ],
  robustness: () => [{ title: 'robustness', folders: ['robustness'], timeout: 600, jobs: 2 }],
  // Other clients, on RabbitMQ and on the embedded broker.
  conformance: (wanted) =>
    wanted.slice(-1).map(
      (version): Batch => ({
        title: `conformance with RabbitMQ ${version}`,
        folders: ['conformance'],
        timeout: 660, // the program of a client has 600 s (test/conformance/clients.ts)
        lane: 'nodes',
        ...onCluster(version, 1),
      }),
    ),
  // Three scenarios run at once, because each has its own vhost and users. The files of cluster/ stop nodes.
  cluster: (wanted) =>
    wanted.flatMap((version) => [
      {
        title: `scenarios, RabbitMQ ${version}`,
        folders: ['scenarios', ...(version === versions.at(-1) ? [besideScenarios] : [])],
        timeout: 480,
        ...onCluster(version, 3),
        jobs: 3,
        lane: 'any',
        ...withoutSame('scenarios', version),
      },
      {
        title: `cluster, RabbitMQ ${version}`,
        folders: ['cluster'],
        timeout: 480,
        lane: 'nodes',
        ...onCluster(version, 3),
        ...withoutSame('cluster', version),
      },
    ]),
  // A short version of `npm run test:faults`.
  faults: (wanted) => [
    { title: 'faults, embedded', folders: ['faults/embedded'], timeout: 300, jobs: 2 },
    ...wanted.slice(-1).map(
      (version): Batch => ({
        title: `faults, RabbitMQ ${version}`,
        folders: ['faults/cluster'],
        timeout: 240,
        lane: 'nodes',
        ...onCluster(version, 3),
      }),
    ),
  ],
};

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { filter: text, seed: text, timeout: text, jobs: text, setup: text, version: { ...text, multiple: true } },
  });
  const { version: wanted = versions, seed = String(newSeed()), setup, ...given } = values;
  const stop = new AbortController();
  // The listeners are not removed after the first signal, because node24.js also forwards a signal that the terminal has
  // sent to this process. A second signal must not prevent the removal of the cluster.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));
  process.stdout.on('error', () => stop.abort('SIGPIPE'));

  say(`order of files: --seed ${seed}`);
  const sum = await runAll(batchesOf(positionals, wanted), {
    options: { ...given, seed },
    signal: stop.signal,
    setup: setup === undefined ? Promise.resolve(undefined) : runSetup(setup, stop.signal),
  });
  if (stop.signal.aborted) say(`\ninterrupted by ${stop.signal.reason}`);
  // The output of a batch is long, and a log may contain only the end of all.
  for (const test of failedTests) say(`\nFAIL ${test}`);
  say(`\n${closingLine(sum)}`);
  if (stop.signal.aborted) return 128 + constants.signals[stop.signal.reason as NodeJS.Signals];
  return isGood(sum) ? 0 : 1;
}

/** Returns the folders, or their files if some of them do not belong to the batch. */
function filesOf({ without = [] }: Batch, folders: readonly string[]): readonly string[] {
  if (without.length === 0) return folders;
  const files = folders.flatMap((folder) =>
    globSync('**/*.test.ts', { cwd: folder }).map((file) => join(folder, file)),
  );
  const missing = without.find((name) => !files.some((file) => basename(file) === name));
  if (missing !== undefined) throw new Error(`there is no file ${missing}`);
  return files.filter((file) => !without.includes(basename(file)));
}

interface Plan {
  readonly batch: Batch;
  /** Absolute paths of files and folders. */
  readonly files: readonly string[];
}

interface Settings {
  /** Options of this run. They override those of the batch. */
  readonly options: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Resolves when the machine is ready for all batches, or with the reason why it is not. */
  readonly setup: Promise<string | undefined>;
}

/** Runs the program of --setup. Returns the reason if it fails. */
function runSetup(file: string, signal: AbortSignal): Promise<string | undefined> {
  const child = spawn(resolve(file), { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  signal.addEventListener('abort', () => child.kill(), { once: true });
  return new Promise<string | undefined>((done) => {
    child.once('error', ({ message }) => done(message));
    child.once('close', (status, by) => done(status === 0 ? undefined : `${file} ended with ${status ?? by}`));
  });
}

/** Runs the batches of each lane one after the other, and the two lanes at once. */
async function runAll(plans: readonly Plan[], settings: Settings): Promise<Totals> {
  const lanes = Object.groupBy(plans, ({ batch }) => batch.lane ?? 'local');
  const [some, other] = (['local', 'nodes'] as const).map((lane) => lanes[lane] ?? []);
  const isAlone = plans.length === 1;
  let sum = nothing;
  const run = async (own: Plan[] = []) => {
    const next = () => own.shift() ?? lanes.any?.shift();
    for (let plan = next(); plan !== undefined && !settings.signal.aborted; plan = next()) {
      const obstacle = plan.batch.needsNoSetup ? undefined : await settings.setup;
      const output = isAlone ? new Output() : new HeldOutput();
      if (!isAlone) say(`begins: ${plan.batch.title}`);
      output.say(`\n${plan.batch.title}`);
      const totals =
        obstacle === undefined ? await runBatch(plan, settings, output) : failed(`cannot run: ${obstacle}`, output);
      sum = add(sum, totals);
      output.end();
    }
  };
  await Promise.all([run(some), run(other)]);
  return sum;
}

/** Prints the output of a batch at once. */
class Output {
  readonly stdio: 'inherit' | 'pipe' = 'inherit';

  say(text: string): void {
    this.write(`${text}\n`);
  }

  write(text: string | Buffer): void {
    process.stdout.write(text);
  }

  end(): void {
    // Nothing is held.
  }
}

/** Prints the output of a batch at its end, because batches that run at once would mix their lines. */
class HeldOutput extends Output {
  override readonly stdio = 'pipe';
  readonly #held: Buffer[] = [];

  override write(text: string | Buffer): void {
    this.#held.push(Buffer.from(text));
  }

  override end(): void {
    process.stdout.write(Buffer.concat(this.#held));
  }
}

/** Returns the batches of the named tiers, or of all tiers. If files are named, a batch contains only these. */
function batchesOf(words: readonly string[], wanted: readonly string[]): Plan[] {
  const files = words.filter((word) => /\.[cm]?[jt]s$/.test(word)).map((file) => resolve(file));
  const names = words.filter((word) => !/\.[cm]?[jt]s$/.test(word));
  const unknown = names.find((name) => !Object.hasOwn(tiers, name));
  if (unknown !== undefined) throw new Error(`there is no tier "${unknown}"; tiers: ${Object.keys(tiers).join(', ')}`);
  const all = Object.entries(tiers).flatMap(([name, batches]) =>
    names.length === 0 || names.includes(name) ? batches(wanted) : [],
  );
  const pathsOf = ({ folders }: Batch) => folders.map((folder) => join(root, 'test', folder));
  if (files.length === 0) return all.map((batch) => ({ batch, files: filesOf(batch, pathsOf(batch)) }));
  const isIn = (file: string) => (batch: Batch) => pathsOf(batch).some((folder) => file.startsWith(folder + sep));
  const other = files.filter((file) => !Object.values(tiers).some((batches) => batches(versions).some(isIn(file))));
  const chosen = all.map((batch) => ({ batch, files: files.filter((file) => isIn(file)(batch)) }));
  return [{ batch: { title: 'files', folders: [], timeout: 90 }, files: other }, ...chosen].filter(
    (one) => one.files.length > 0,
  );
}

async function runBatch({ batch, files }: Plan, { options, signal }: Settings, output: Output): Promise<Totals> {
  const { timeout, jobs, on = [], image, around = (use) => use([]) } = batch;
  const why = image === undefined ? undefined : await missing(image);
  if (why !== undefined && process.env['CI'] !== 'true') {
    const count = files.flatMap((one) => (one.endsWith('.ts') ? one : globSync('**/*.test.ts', { cwd: one }))).length;
    output.say(`skip ${count} files: ${why}`);
    return { passed: 0, failed: 0, skipped: count };
  }
  if (why !== undefined) return failed(`cannot run: ${why}`, output);
  let totals: Totals | undefined;
  try {
    await around(async (further) => {
      if (signal.aborted) return;
      const own = { timeout: String(timeout), ...(jobs !== undefined && { jobs: String(jobs) }), ...options };
      const all = Object.entries(own).map(([name, value]) => `--${name}=${value}`);
      totals = await mqTest([...files.map((file) => relative(root, file)), ...on, ...further, ...all], signal, output);
    });
  } catch (error) {
    const { stack, message } = error as Error;
    return add(totals ?? nothing, failed(stack ?? message, output));
  }
  return totals ?? nothing;
}

/** Runs `mq test` with the text report in the output. Returns its totals, with a failure if its exit status contradicts them. */
async function mqTest(args: readonly string[], signal: AbortSignal, output: Output): Promise<Totals> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-tiers-'));
  const report = join(folder, 'report.ndjson');
  try {
    const child = spawn(executable, ['test', ...args, '--report', 'text', '--report', `json=${report}`], {
      cwd: root,
      env: { ...process.env, MQ_TEST_NODE: process.execPath },
      stdio: ['ignore', output.stdio, output.stdio],
      // This process forwards each signal of the terminal once, because mq exits without removing the cluster at the third.
      detached: process.platform !== 'win32',
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output.write(chunk));
    const end = () => child.kill(signal.reason === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
    signal.addEventListener('abort', end, { once: true });
    const [code, sign] = await new Promise<[number | null, string | null]>((done, fail) => {
      child.once('error', fail);
      child.once('close', (status, by) => done([status, by]));
    });
    signal.removeEventListener('abort', end);
    const events = eventsOf(report);
    for (const { file, failures = [] } of events)
      for (const { title, message } of failures) failedTests.push(`${file}: ${title}: ${firstLines(message)}`);
    const finish = events.at(-1);
    if (finish?.event !== 'finish')
      return signal.aborted ? nothing : failed(`mq test ended with ${code ?? sign}, without a result`, output);
    // A tier without a matching test is not a failure, because other tiers may have one.
    const expected = finish.interrupted !== undefined || finish.ok === (code === 0);
    const { passed, failed: bad, skipped } = finish;
    const totals = { passed, failed: bad, skipped };
    return expected
      ? totals
      : add(totals, failed(`mq test ended with ${code ?? sign}, which contradicts its report`, output));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An event of the report. Of the optional fields, `finish` has `interrupted`, and `file` has the others. */
interface ReportEvent extends Totals {
  readonly event: string;
  readonly ok: boolean;
  readonly interrupted?: string;
  readonly file?: string;
  readonly failures?: readonly { readonly title: string; readonly message: string }[];
}

/** Returns the events of a report. If it cannot be read, the list is empty. */
function eventsOf(report: string): ReportEvent[] {
  try {
    const lines = readFileSync(report, 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as ReportEvent);
  } catch {
    return [];
  }
}

/** Returns the first lines of a message, because some contain the whole output of a program. */
function firstLines(message: string): string {
  return message.split('\n').slice(0, 12).join('\n  ');
}

async function withEmbeddedBroker(use: (on: readonly string[]) => Promise<void>): Promise<void> {
  const password = randomUUID();
  const start = (port: number, managementPort: number) =>
    startMq(['broker', '--port', String(port), '--management-port', String(managementPort), '--user', 'mq', '--json'], {
      env: { MQ_BROKER_PASSWORD: password },
      deadlineMs: 2 ** 31 - 1,
    });
  // Most users have a broker on the standard ports, which no test may use by mistake. It has the same password, so that a
  // connection to the wrong broker is not refused.
  const other = start(5672, 15672);
  const broker = start(0, 0);
  try {
    const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
    const login = (address: string) => Object.assign(new URL(address), { username: 'mq', password }).href;
    await use(['--on', login(url), '--management-url', login(management)]);
  } finally {
    broker.kill();
    other.kill();
  }
  const { status, stderr } = await broker.ended;
  if (status !== 0) throw new Error(`mq broker ended with ${status}: ${stderr}`);
  // 71 means that a port is in use, so another broker is running.
  const { status: others, stderr: why } = await other.ended;
  if (others !== 0 && others !== 71) throw new Error(`the other mq broker ended with ${others}: ${why}`);
}

/** Uses one cluster for all files. */
function onCluster(version: string, nodes: number): Pick<Batch, 'on' | 'image' | 'jobs'> {
  const image = `mq-rabbitmq:${version}`;
  return { image, jobs: 1, on: ['--on', 'cluster', '--image', image, '--nodes', String(nodes)] };
}

/** Returns the reason why no container can be started from the image. */
async function missing(image: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return `the cluster requires Linux, and this is ${process.platform}`;
  try {
    await promisify(execFile)('docker', ['image', 'inspect', image]);
    return undefined;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return 'docker is not installed';
    const { stderr } = error as { stderr?: string };
    return `${stderr?.trim() || String(error)} (test/setup starts Docker and builds the images)`;
  }
}

/** Failures of all batches. */
const failedTests: string[] = [];
const nothing: Totals = { passed: 0, failed: 0, skipped: 0 };

function add(a: Totals, b: Totals): Totals {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

function failed(why: string, output: Output): Totals {
  output.say(`FAIL ${why}`);
  failedTests.push(why);
  return { passed: 0, failed: 1, skipped: 0 };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

// This is the last statement, because the constants above must be initialised.
process.exitCode = await main();
