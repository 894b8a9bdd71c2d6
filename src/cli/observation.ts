// What surrounds the run of a role: its log, its metrics, and the summary at its end.

import { type Context, logLevels, type Output, type Say } from '../context.ts';
import { Log, type MessageFields } from '../observe/log.ts';
import { hasMany, isNoteworthy, summaryOf } from '../observe/summary.ts';
import { type Counts, newCounts } from '../session/counts.ts';
import type { Values } from './values.ts';

export interface Observation {
  readonly counts: Counts;
  readonly say: Say;
  /** The same, in the text form with the command's name before it. */
  readonly sayNamed: Say;
  /** stderr for programs and modules of the user. */
  readonly handlerStderr: Output;
  /** The same for one message, whose id is before each line of text if `isNamed`. */
  readonly handlerStderrOf: (fields: MessageFields, settings: { isNamed: boolean }) => Output;
}

/** Runs `work` with a context whose stderr obeys --log; serves --metrics meanwhile; says the summary at the end. */
export async function observed(
  context: Context,
  values: Values,
  { name, takes }: { name: string; takes: boolean },
  work: (context: Context, observation: Observation) => Promise<void>,
): Promise<void> {
  const format = values.choice('log', ['text', 'json']) ?? 'text';
  const level = values.choice('log-level', logLevels) ?? 'info';
  const address = metricsAddress(values);
  const log = new Log({ stderr: context.stderr, role: name, format, level });
  const counts = newCounts();
  const handlerStderr = log.output('handler');
  const inner: Context = { ...context, stderr: log.output('note') };
  const isStopping = () => context.drain.aborted;
  const begun = performance.now();
  const metrics = address && (await serve({ name, takes, counts, isStopping }, address));
  if (metrics)
    log.say({ event: 'metrics', message: `metrics on ${metrics.url}/metrics`, fields: { url: metrics.url } });
  let hasFailed = true;
  try {
    await work(inner, {
      counts,
      say: log.say,
      sayNamed: log.sayNamed,
      handlerStderr,
      handlerStderrOf: (fields, settings) => log.outputOf('handler', fields, settings),
    });
    hasFailed = false;
  } finally {
    for (const stream of [handlerStderr, inner.stderr]) if (stream !== context.stderr) stream.end();
    log.close();
    const run = { counts, takes, hasFailed, durationMs: performance.now() - begun };
    if (format === 'json') log.write(summaryOf(run));
    else if (context.stderr.isTTY && hasMany(run)) log.write(summaryOf(run));
    else if (isNoteworthy(run)) log.writeJson(summaryOf(run));
    await metrics?.close();
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** PORT, HOST:PORT or [IPV6]:PORT; loopback unless a host is named. */
function metricsAddress(values: Values): Address | undefined {
  const text = values.name('metrics');
  if (text === undefined) return undefined;
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]:|([^:[\]]+):)?(\d{1,5})$/.exec(text) ?? [];
  if (digits === '' || Number(digits) > 65_535)
    throw values.usage(`--metrics must be PORT or HOST:PORT with a port from 0 to 65535, not '${text}'`);
  return { host: bracketed ?? plain ?? '127.0.0.1', port: Number(digits) };
}

async function serve(...of: Parameters<typeof import('../observe/server.ts').serveMetrics>) {
  const { serveMetrics } = await import('../observe/server.ts');
  return serveMetrics(...of);
}
