// Runs a ledger: sends messages to handlers that end in every possible way, and accounts for each message at the end. Each
// message must be acknowledged, dead-lettered, or dropped by a policy that drops messages. Any other message is lost.

import { closeSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { executable as built, emptyFolder } from '../support/mq.ts';
import { until } from '../support/until.ts';
import { emptyHistory, type History } from './history.ts';
import { isEndBySigterm, type RoleProcess, startRole } from './process.ts';
import { deadlinesMs, type HandlerKind, poisons, writeHandlers } from './status-handlers.ts';
import { drain, type TrialBroker, withClient } from './trial-broker.ts';
import { type Verdict, verdictOf } from './verdict.ts';

export interface Ledger {
  readonly name: string;
  readonly queueType: 'quorum' | 'classic';
  /** A value of --on-fail, or `no dead letters`, which sets `"deadLetter": false` in rascal.json. */
  readonly policy: (typeof policies)[number];
}

const policies = ['retry', 'dead-letter', 'requeue', 'drop', 'exit', 'no dead letters'] as const;

export const ledgers: readonly Ledger[] = policies.flatMap((policy) =>
  (['quorum', 'classic'] as const).map((queueType) => ({
    name: `random statuses, ${policy}, ${queueType}`,
    queueType,
    policy,
  })),
);

export interface LedgerRun {
  readonly broker: TrialBroker;
  readonly ledger: Ledger;
  readonly messages: number;
  /** The executable. Defaults to dist/mq. */
  readonly executable?: string;
  /** Milliseconds without progress after which the remaining messages are stuck. Defaults to 60,000. */
  readonly stuckMs?: number;
  readonly log?: (line: string) => void;
}

/** The options of each kind of receiver. The prefetch of `command` is small, because each message starts a process. */
const receivers: readonly (readonly [kind: HandlerKind, args: readonly string[]])[] = [
  ['module', ['--prefetch', '200']],
  ['lines', ['--prefetch', '50', '--concurrency', '3']],
  ['command', ['--prefetch', '4']],
];

export async function runLedger(run: LedgerRun): Promise<Verdict> {
  const { broker, ledger, messages, executable = built, stuckMs = 60_000, log = () => undefined } = run;
  const { policy } = ledger;
  const history = emptyHistory();
  const drops = policy === 'drop' || policy === 'no dead letters';
  const cwd = emptyFolder({ 'rascal.json': configurationOf(ledger) });
  // With --on-fail exit, fewer deliveries fail, because each failure ends the role and requires a restart.
  const handlers = writeHandlers(cwd, { failing: policy === 'exit' ? 20 : 400 });
  const common = { executable, cwd, env: { MQ_URL: broker.vhost.url } };
  const onFail = policy === 'no dead letters' ? [] : ['--on-fail', policy];
  const workers = receivers.map(([kind, args], slot) => {
    const handler = handlers(kind, slot);
    const words = ['subscribe', 'faults', '--log', 'json', ...args, '--handler-timeout', `${deadlinesMs[kind]}ms`];
    return new Worker({
      ...common,
      args: [...words, '--grace', '0.2', ...onFail, ...handler.args],
      env: { ...common.env, ...handler.env },
      file: join(cwd, `effects-${slot}`),
      slot,
      mayEnd: policy === 'exit',
      history,
    });
  });
  try {
    const ids = await send(messages, { ...common, history, policy });
    for (const worker of workers) worker.start(ids);
    const count = () => deadLetters(broker);
    await settled(history, { workers, count, stuckMs, log });
    await Promise.all(workers.map((worker) => worker.finish()));
    await drain(broker, history);
  } finally {
    for (const worker of workers) worker.close();
  }
  writeFileSync(
    join(cwd, 'history.json'),
    JSON.stringify(history, (_, value) => plain(value)),
  );
  const verdict = verdictOf(history, {
    duplicates: 0,
    order: false,
    drops,
    // A message that always fails may be requeued forever, because its queue may have no delivery limit.
    mayWait: (body) => body.startsWith('poison-'),
  });
  if (verdict.failures.length === 0) rmSync(cwd, { recursive: true });
  else log(`complete history: ${join(cwd, 'history.json')}`);
  return verdict;
}

interface Common {
  readonly executable: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly history: History;
}

/** Publishes the messages with mq. Returns message id → body. */
async function send(
  messages: number,
  { executable, cwd, env, history, policy }: Common & Pick<Ledger, 'policy'>,
): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  // With --on-fail exit there is no poison message, because the role would restart all the time.
  const everyPoison = policy === 'exit' ? Number.POSITIVE_INFINITY : Math.max(20, Math.floor(messages / 100));
  const bodies = Array.from({ length: messages }, (_, index) =>
    index % everyPoison === 1
      ? `poison-${poisons[Math.floor(index / everyPoison) % poisons.length]}-${index}`
      : `m-${index}`,
  );
  const sender = startRole({
    executable,
    args: ['publish', 'faults', '--lines', '--json'],
    cwd,
    env,
    onLine: (line) => {
      const { number, messageId, outcome } = JSON.parse(line);
      const body = bodies[number - 1] ?? '';
      ids.set(messageId, body);
      history.outcomes.set(body, outcome);
    },
  });
  for (const body of bodies) history.attempted.set(body, Date.now());
  sender.child.stdin.end(bodies.join('\n'));
  const { status, signal } = await sender.ended;
  if (status !== 0) history.errors.push(`publisher: ended with ${status ?? signal}: ${sender.lastLines()}`);
  return ids;
}

interface WorkerParts extends Common {
  readonly args: readonly string[];
  /** The file that the handler writes. */
  readonly file: string;
  readonly slot: number;
  /** True if the role may end with status 1 after a failed message. */
  readonly mayEnd: boolean;
}

/** A receiver, which is restarted whenever it ends. */
class Worker {
  readonly #parts: WorkerParts;
  readonly #file: number;
  #at = 0;
  #rest = '';
  #process: RoleProcess | undefined;
  #running: Promise<void> | undefined;
  #isEnding = false;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    writeFileSync(parts.file, '');
    this.#file = openSync(parts.file, 'r');
  }

  start(ids: ReadonlyMap<string, string>): void {
    this.#running = this.#run(ids);
  }

  /** Reads the lines that the handlers have written since the last call, and adds them to the history. */
  read(): void {
    const chunk = Buffer.alloc(1 << 16);
    for (;;) {
      const bytes = readSync(this.#file, chunk, 0, chunk.length, this.#at);
      if (bytes === 0) return;
      this.#at += bytes;
      const lines = (this.#rest + chunk.toString('latin1', 0, bytes)).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.#record(line);
    }
  }

  async finish(): Promise<void> {
    this.#isEnding = true;
    this.#process?.child.kill('SIGTERM');
    await this.#running;
    this.read();
  }

  close(): void {
    this.#isEnding = true;
    this.#process?.child.kill('SIGKILL');
    closeSync(this.#file);
  }

  async #run(ids: ReadonlyMap<string, string>): Promise<void> {
    const { history, slot, mayEnd, ...start } = this.#parts;
    while (!this.#isEnding) {
      const begun = performance.now();
      const started = startRole({
        ...start,
        onErrorLine: (line) => {
          const id = droppedBy(line);
          if (id !== undefined) history.dropped.push(ids.get(id) ?? `a message of unknown id ${id}`);
        },
      });
      this.#process = started;
      const end = await started.ended;
      const { status, signal } = end;
      if (this.#isEnding && isEndBySigterm(end, started)) return;
      if (mayEnd && status === 1) continue;
      history.errors.push(`receiver ${slot}: ended with ${status ?? signal}: ${started.lastLines()}`);
      // Limits the restarts of a receiver that cannot start.
      await delay(Math.max(0, 1000 - (performance.now() - begun)));
    }
  }

  #record(line: string): void {
    const { history, slot } = this.#parts;
    const [body = '', way = '', attempt, at] = line.split('\t');
    history.runs.push({ body, way, at: Number(at) });
    if (way === 'ack')
      history.effects.push({ body, slot, redelivered: false, attempt: Number(attempt), at: Number(at) });
  }
}

/** Returns the id of the message that a line of the log reports as dropped. */
function droppedBy(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  const { event, messageId } = JSON.parse(line) as { event?: unknown; messageId?: unknown };
  return event === 'drop' && typeof messageId === 'string' ? messageId : undefined;
}

/** Waits until every message is settled, or there is no progress for some time. */
async function settled(
  history: History,
  {
    workers,
    count,
    stuckMs,
    log,
  }: { workers: readonly Worker[]; count: () => Promise<number>; stuckMs: number; log: (line: string) => void },
): Promise<void> {
  const confirmed = [...history.outcomes].filter(([, outcome]) => outcome === 'confirmed').map(([body]) => body);
  const isPoison = (body: string) => body.startsWith('poison-');
  const plain = confirmed.filter((body) => !isPoison(body));
  let most = -1;
  let mostAt = performance.now();
  let loggedAt = mostAt;
  for (;;) {
    for (const worker of workers) worker.read();
    const dead = await count();
    const settled = new Set([...history.effects.map(({ body }) => body), ...history.dropped]);
    const done = settled.size + dead;
    const now = performance.now();
    if (done >= confirmed.length) return;
    // An attempt is also progress, because a failed message is retried.
    const progress = done + history.runs.filter(({ body }) => !isPoison(body)).length;
    if (progress > most) [most, mostAt] = [progress, now];
    // Poison messages may be requeued forever. If other messages are left, the limit is longer, for a slow machine.
    const isPlainLeft = plain.filter((body) => !settled.has(body)).length > dead;
    if (now - mostAt > (isPlainLeft ? Math.max(stuckMs, 60_000) : stuckMs)) return;
    if (now - loggedAt > 10_000) {
      log(
        `${done} of ${confirmed.length} messages settled (poison: ${confirmed.length - plain.length}), ${history.runs.length} deliveries`,
      );
      loggedAt = now;
    }
    await delay(250);
  }
}

/** Returns the number of messages in the dead-letter queue. */
function deadLetters(broker: TrialBroker): Promise<number> {
  return until('the dead letters are counted', async () => {
    const { vhost } = broker;
    const queues = (await vhost.api('GET', `/api/queues/${vhost.name}?disable_stats=true`)) as { name: string }[];
    const names = queues.map(({ name }) => name).filter((name) => name.endsWith('.dead'));
    return withClient(broker, async (connection) => {
      const channel = await connection.createChannel();
      let count = 0;
      for (const name of names) count += (await channel.checkQueue(name)).messageCount;
      return count;
    });
  });
}

function configurationOf({ queueType, policy }: Ledger): string {
  return JSON.stringify({
    vhosts: {
      '/': {
        exchanges: { faults: { type: 'direct', options: { durable: true } } },
        queues: { faults: { options: { durable: true, arguments: { 'x-queue-type': queueType } } } },
        bindings: { work: { source: 'faults', destination: 'faults', bindingKey: 'work' } },
      },
    },
    publications: { faults: { exchange: 'faults', routingKey: 'work' } },
    subscriptions: { faults: { queue: 'faults' } },
    mq: { retry: { delays: [200, 500, 1000, 2000], ...(policy === 'no dead letters' && { deadLetter: false }) } },
  });
}

function plain(value: unknown): unknown {
  return value instanceof Map || value instanceof Set ? [...value] : value;
}
