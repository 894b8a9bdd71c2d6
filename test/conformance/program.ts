// Runs the jobs of a Node client one after the other, and prints each answer as one line of JSON.
//
//   node src/build/node24.js test/conformance/<client>.ts URL PREFIX
//
// Every name that a job creates begins with PREFIX and the number of the job, so that runs do not share objects. normalise.ts
// replaces the parts of an answer that differ in every run.

/** Address of the broker, without a path. */
export const url = process.argv[2] ?? 'amqp://guest:guest@127.0.0.1:5672';
/** User and password of the jobs. */
export const user = decodeURIComponent(new URL(url).username);
export const password = decodeURIComponent(new URL(url).password);
const prefix = process.argv[3] ?? `run${process.pid}`;

/** Sends the requests of a job and returns its answer, which is often a `Closed`. */
export type Job = () => Promise<unknown>;

/** A close of the connection or channel by the broker, or a refused handshake. */
export interface Closed {
  readonly scope: 'connection' | 'channel';
  readonly code: number | undefined;
  readonly text: string;
}

/**
 * A job that takes longer is ended. 8 s are not enough on a slow machine, because RabbitMQ delays some refusals by 3 s, and a
 * single queue.declare may take 5.7 s under load.
 */
const jobMs = 60_000;

let place = 0;

/** Returns the name of a queue or exchange of this job, which no other job uses. */
export function named(name: string): string {
  return `${prefix}-${place}.${name}`;
}

/** Runs the jobs and exits, because a job may leave a connection open. */
export async function runJobs(jobs: Readonly<Record<string, Job>>): Promise<never> {
  const only = process.env['MQ_CONFORMANCE_JOB'];
  for (const [job, work] of Object.entries(jobs)) {
    place += 1;
    if (only !== undefined && !job.includes(only)) continue;
    const answer = await within(work()).catch((error: unknown) => ({ threw: messageOf(error) }));
    await print({ job, answer });
  }
  process.exit();
}

function within(work: Promise<unknown>): Promise<unknown> {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => done({ silent: `${jobMs} ms` }), jobMs);
    work.then(done, failed).finally(() => clearTimeout(timer));
  });
}

function print(line: { job: string; answer: unknown }): Promise<void> {
  return new Promise((done) => {
    process.stdout.write(`${JSON.stringify({ ...line, answer: line.answer ?? null }, plain)}\n`, () => done());
  });
}

/** Returns bodies and byte arrays as text, and big integers as numbers. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  const { type, data } = (value ?? {}) as { type?: unknown; data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data).toString() : value;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Repeats `request` until it returns a value. It needs no delay, because each request waits for an answer of the broker. */
export async function eventually<T>(request: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await request();
    if (value !== undefined && value !== false) return value;
  }
}

/** Returns a list that callbacks fill. `until` waits until the list has that many items. */
export function gathering<T>(): { readonly all: T[]; add(value: T): void; until(count: number): Promise<T[]> } {
  const all: T[] = [];
  let check: () => void = () => undefined;
  return {
    all,
    add: (value) => {
      all.push(value);
      check();
    },
    until: (count) =>
      new Promise((done) => {
        check = () => all.length >= count && done(all);
        check();
      }),
  };
}
