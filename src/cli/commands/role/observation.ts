// Sets up the log, the metrics and the final summary for the run of a role.

import { type ListenAddress, listenAddress, listenForms } from '../../../config/endpoint.ts';
import { logFormats, logLevels, type RoleConfig } from '../../../config/role.ts';
import type { Context, Output, Say } from '../../../context.ts';
import { Log, type MessageFields } from '../../../observe/log.ts';
import { hasMany, isNoteworthy, summaryOf } from '../../../observe/summary.ts';
import { type Counts, newCounts } from '../../../session/counts.ts';
import { time } from '../../../time.ts';
import type { Values } from '../../arguments/values.ts';

export interface Observation {
  readonly counts: Counts;
  readonly isDebug: boolean;
  readonly say: Say;
  /** Logs like `say`, but text lines start with the command's name. */
  readonly sayNamed: Say;
  /** Stream for the stderr output of the user's programs and modules. */
  readonly handlerStderr: Output;
  /**
   * Returns a stream for stderr output about one message. In text format, `isNamed` adds the message id to each line.
   */
  readonly handlerStderrOf: (fields: MessageFields, settings: { isNamed: boolean }) => Output;
}

/**
 * Runs `work` with a context whose stderr follows --log. Serves --metrics during the run and logs the summary at the
 * end.
 */
export async function observed(
  context: Context,
  values: Values,
  { name, role, isConsuming }: { name: string; role: RoleConfig; isConsuming: boolean },
  work: (context: Context, observation: Observation) => Promise<void>,
): Promise<void> {
  const format = values.choice('log', logFormats) ?? role.log ?? 'text';
  const level = values.choice('log-level', logLevels) ?? role.logLevel ?? 'info';
  const address = metricsAddress(values, role);
  const log = new Log({ stderr: context.stderr, role: name, format, level });
  const observation = observationOf(context, log, { isDebug: level === 'debug' });
  const { counts, handlerStderr } = observation;
  const inner: Context = { ...context, stderr: log.output('note') };
  const begun = time.now();
  const metrics =
    address && (await serve({ name, isConsuming, counts, isStopping: () => context.drain.aborted }, address));
  if (metrics)
    log.say({ event: 'metrics', message: `metrics on ${metrics.url}/metrics`, fields: { url: metrics.url } });
  let hasFailed = true;
  try {
    await work(inner, observation);
    hasFailed = false;
  } finally {
    for (const stream of [handlerStderr, inner.stderr]) if (stream !== context.stderr) stream.end();
    log.close();
    const run = { counts, isConsuming, hasFailed, durationMs: time.now() - begun };
    if (format === 'json' || isNoteworthy(run) || (context.stderr.isTTY && hasMany(run))) {
      // With --json, the summary is a JSON object, as an error would be.
      if (values.flag('json')) log.writeJson(summaryOf(run));
      else log.write(summaryOf(run));
    }
    await metrics?.close();
  }
}

function observationOf(context: Context, log: Log, { isDebug }: { isDebug: boolean }): Observation {
  return {
    counts: newCounts(),
    isDebug,
    say: (said) => {
      if (said.event === 'consuming') context.announceReady?.();
      log.say(said);
    },
    sayNamed: log.sayNamed,
    handlerStderr: log.output('handler'),
    handlerStderrOf: (fields, settings) => log.outputOf('handler', fields, settings),
  };
}

function metricsAddress(values: Values, role: RoleConfig): ListenAddress | undefined {
  const text = values.name('metrics') ?? role.metrics;
  if (text === undefined) return undefined;
  const address = listenAddress(String(text));
  if (!address) throw values.usage(`--metrics must be ${listenForms}, not '${text}'`);
  return address;
}

async function serve(...of: Parameters<typeof import('../../../observe/server.ts').serveMetrics>) {
  const { serveMetrics } = await import('../../../observe/server.ts');
  return serveMetrics(...of);
}
