// Compares the broker's log with node:sqlite (WAL, synchronous=FULL, one transaction for each batch), on this thread
// and on a separate worker. Each figure is the median of the rounds. Compare the figures as ratios on one
// machine.
//
//   node src/build/node24.js test/bench/store.ts [ROUNDS] [FOLDER]

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Store } from '../../src/broker/store/contract.ts';
import { openStore } from '../../src/broker/store.ts';

const messages = 100_000;
const unconfirmed = 256;
const message = { exchange: '', routingKey: 'q', content: Buffer.alloc(100, 'x'), propertiesLength: 20 };

/** The part of a store that the jobs use. */
type Measured = Pick<Store, 'enqueue' | 'settle' | 'committed' | 'close'> & { readonly held: number };
type Change = { id: number; content?: Buffer };

/** The SQLite prototype. Changes are batched until the next turn of the event loop, then written in one transaction. */
class Database {
  readonly #database: DatabaseSync;
  readonly #statements;
  readonly held: number;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
      CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, exchange TEXT, key TEXT, properties INTEGER, content BLOB);
      CREATE TABLE IF NOT EXISTS entry (queue TEXT, id INTEGER, expires INTEGER, delivered INTEGER, PRIMARY KEY (queue, id)) WITHOUT ROWID;`);
    const statement = (sql: string) => this.#database.prepare(sql);
    this.#statements = {
      message: statement('INSERT INTO message VALUES (?, ?, ?, ?, ?)'),
      entry: statement('INSERT INTO entry VALUES (?, ?, NULL, 0)'),
      leave: statement('DELETE FROM entry WHERE queue = ? AND id = ?'),
      forget: statement('DELETE FROM message WHERE id = ?'),
    };
    const sql = 'SELECT m.* FROM entry e JOIN message m USING (id) ORDER BY e.id';
    this.held = statement(sql).all().length;
  }

  commit(changes: readonly Change[]): void {
    this.#database.exec('BEGIN');
    for (const { id, content } of changes) {
      if (content !== undefined) {
        this.#statements.message.run(id, message.exchange, message.routingKey, message.propertiesLength, content);
        this.#statements.entry.run('q', id);
      } else {
        this.#statements.leave.run('q', id);
        this.#statements.forget.run(id);
      }
    }
    this.#database.exec('COMMIT');
  }

  close(): void {
    this.#database.close();
  }
}

/** Batches changes, and passes them to `commit` after the previous commit has ended. */
function gathering(held: number, commit: (changes: Change[]) => Promise<void> | void, end: () => unknown): Measured {
  let changes: Change[] = [];
  let waiting: (() => void)[] = [];
  let isRunning = false;
  let lastId = held;
  const run = async () => {
    while (changes.length > 0 || waiting.length > 0) {
      const [taken, answered] = [changes, waiting];
      [changes, waiting] = [[], []];
      if (taken.length > 0) await commit(taken);
      for (const done of answered) done();
      await new Promise((turned) => setImmediate(turned));
    }
    isRunning = false;
  };
  const start = () => {
    if (!isRunning) setImmediate(() => void run());
    isRunning = true;
  };
  return {
    held,
    enqueue: ({ content }) => {
      changes.push({ id: ++lastId, content });
      start();
      return lastId;
    },
    settle: (id) => {
      changes.push({ id });
      start();
    },
    committed: (done) => {
      waiting.push(done);
      start();
    },
    close: async () => void (await end()),
  };
}

const candidates: Record<string, (folder: string) => Promise<Measured>> = {
  log: async (folder) => {
    const store = await openStore(folder, { pid: 1, isAlive: () => false });
    return Object.assign(store, { held: store.recovered.entries.length });
  },
  sqlite: async (folder) => {
    const database = new Database(join(folder, 'store.db'));
    return gathering(
      database.held,
      (changes) => database.commit(changes),
      () => database.close(),
    );
  },
  'sqlite worker': async (folder) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: join(folder, 'store.db') });
    const answer = () => new Promise<number>((done) => worker.once('message', done));
    const held = await answer();
    const commit = async (changes: Change[]) => {
      worker.postMessage(changes);
      await answer();
    };
    return gathering(held, commit, () => {
      const ended = new Promise((exit) => worker.once('exit', exit));
      worker.postMessage('close');
      return ended;
    });
  },
};

if (isMainThread) await measure(Number(process.argv[2] ?? 3), process.argv[3] ?? tmpdir());
else serve(workerData);

function serve(path: string): void {
  const database = new Database(path);
  parentPort?.on('message', (changes: Change[] | 'close') => {
    if (changes === 'close') {
      database.close();
      parentPort?.close();
      return;
    }
    database.commit(changes);
    parentPort?.postMessage(0);
  });
  parentPort?.postMessage(database.held);
}

type Results = Record<string, Record<string, number[]>>;

function figuresOf(results: Results, name: string, figure: string): number[] {
  const figures = results[name] ?? {};
  const values = figures[figure] ?? [];
  figures[figure] = values;
  results[name] = figures;
  return values;
}

async function measure(rounds: number, parent: string): Promise<void> {
  const results: Results = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, open] of Object.entries(candidates)) {
      const folder = mkdtempSync(join(parent, 'mq-store-'));
      try {
        for (const [figure, value] of Object.entries(await oneRound(folder, open)))
          figuresOf(results, name, figure).push(value);
      } finally {
        rmSync(folder, { recursive: true });
      }
    }
  }
  const medians = Object.entries(results).map(([name, figures]) => [
    name,
    Object.fromEntries(
      Object.entries(figures).map(([figure, values]) => [figure, Number(quantile(values, 0.5).toPrecision(3))]),
    ),
  ]);
  console.table(Object.fromEntries(medians));
}

async function oneRound(folder: string, open: (folder: string) => Promise<Measured>): Promise<Record<string, number>> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let store = await open(folder);
  const lone: number[] = [];
  for (let sample = 0; sample < 200; sample++) {
    const start = performance.now();
    const id = store.enqueue(message, [{ queue: 'q', expiresAt: undefined }]);
    await committed(store);
    lone.push(performance.now() - start);
    store.settle(id, 'q');
    await committed(store);
  }

  delay.enable();
  const filling = await timed(() => fill(store, messages, 100));
  const blocked = delay.max / 1e6;
  const busy = filling.busyMs;
  const filled = bytesIn(folder);
  await store.close();

  const opening = await timed(async () => {
    store = await open(folder);
  });
  if (store.held !== messages) throw new Error(`${store.held} of ${messages} messages were recovered`);

  const first = 401;
  delay.reset();
  const settling = await timed(async () => {
    for (let id = first - 200; id < first - 200 + messages; id += 256) {
      for (let each = id; each < Math.min(id + 256, first - 200 + messages); each++) store.settle(each, 'q');
      await committed(store);
    }
  });
  const settleBlocked = delay.max / 1e6;
  delay.disable();
  const settled = bytesIn(folder);
  const large = await timed(() => fill(store, 10_000, 10_000));
  await store.close();
  return {
    'lone p50 ms': quantile(lone, 0.5),
    'lone p99 ms': quantile(lone, 0.99),
    'confirmed/s': (messages / filling.ms) * 1000,
    'loop busy ms': busy,
    'longest block ms': blocked,
    'MB filled': filled / 1e6,
    'open ms': opening.ms,
    'settled/s': (messages / settling.ms) * 1000,
    'settle block ms': settleBlocked,
    'MB settled': settled / 1e6,
    'MB/s of 10 kB': 100 / (large.ms / 1000),
  };
}

/** Stores messages with a bounded number of unconfirmed ones. Each confirm allows the next message. */
function fill(store: Measured, count: number, bytes: number): Promise<void> {
  return new Promise((filled) => {
    let [sent, confirmed] = [0, 0];
    const send = () => {
      sent++;
      // Each body has its own buffer, like a body that arrives from a socket.
      store.enqueue({ ...message, content: Buffer.alloc(bytes, 'x') }, [{ queue: 'q', expiresAt: undefined }]);
      store.committed(() => {
        confirmed++;
        if (sent < count) send();
        else if (confirmed === count) filled();
      });
    };
    for (let first = 0; first < unconfirmed; first++) send();
  });
}

async function timed(job: () => Promise<unknown>): Promise<{ ms: number; busyMs: number }> {
  const before = performance.eventLoopUtilization();
  const start = performance.now();
  await job();
  const ms = performance.now() - start;
  return { ms, busyMs: performance.eventLoopUtilization(before).active };
}

function committed(store: Measured): Promise<void> {
  return new Promise((done, refuse) => store.committed((error) => (error === undefined ? done() : refuse(error))));
}

function bytesIn(folder: string): number {
  return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;
}
