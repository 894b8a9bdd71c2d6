// What the Node programs have in common: a table of jobs, run one after the other, each answer one line of JSON on stdout.
//
//   node src/build/node24.js test/conformance/<client>.ts URL PREFIX
//
// Every name that a job makes begins with PREFIX and the job's number, so that no run meets another's. Answers are printed as they came;
// normalise.ts takes out of them what differs from run to run.

/** The broker's address, without a path. */
export const url = process.argv[2] ?? 'amqp://guest:guest@127.0.0.1:5672';
/** Who logs in there. */
export const user = decodeURIComponent(new URL(url).username);
export const password = decodeURIComponent(new URL(url).password);
const prefix = process.argv[3] ?? `run${process.pid}`;

/** What a job has found out. Codes and texts of errors are `{ scope, code, text }` (see `Closed`). */
export type Job = () => Promise<unknown>;

/** A close by the broker, or the refusal of a handshake. */
export interface Closed {
  readonly scope: 'connection' | 'channel';
  readonly code: number | undefined;
  readonly text: string;
}

/**
 * Ends only a job that hangs. 8 s were too short for a slow machine: RabbitMQ delays some refusals by 3 s, and under load a single
 * queue.declare took 5.7 s.
 */
const jobMs = 60_000;

let place = 0;

/** The name of the job's own queue or exchange: what a job that failed has left does not meet the next. */
export function named(name: string): string {
  return `${prefix}-${place}.${name}`;
}

/** Runs the jobs and ends the process: what a job left open must not keep it. */
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

/** Bodies and byte arrays as text; big integers as numbers. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  const { type, data } = (value ?? {}) as { type?: unknown; data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data).toString() : value;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The first value that `take` gives; asks again at the pace of its answers. */
export async function eventually<T>(take: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await take();
    if (value !== undefined && value !== false) return value;
    await new Promise((next) => setTimeout(next, 5));
  }
}

/** A list that another party fills, and a wait for its length. */
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
