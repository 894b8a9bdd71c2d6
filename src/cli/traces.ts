// Records traces during a command, if a variable of OpenTelemetry names a collector.

import manifest from '../../package.json' with { type: 'json' };
import type { Context, Say } from '../context.ts';
import type { Tracer } from '../tracing.ts';

interface TracedCommand {
  /** Name of the role or command. */
  readonly name: string;
  readonly say: Say;
  /** Longest time in which the last spans are sent, in milliseconds. Default: as long as observe/traces.ts allows. */
  readonly drainMs?: number;
}

/**
 * Runs `work` with a tracer, and then sends the last spans. The tracer is `undefined` if no collector is named: this check is
 * then all that traces cost.
 */
export async function withTraces<T>(
  { env, pid, abandon }: Pick<Context, 'env' | 'pid' | 'abandon'>,
  { name, say, drainMs = Number.POSITIVE_INFINITY }: TracedCommand,
  work: (tracer: Tracer | undefined) => Promise<T>,
): Promise<T> {
  if (!env['OTEL_EXPORTER_OTLP_ENDPOINT'] && !env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) return work(undefined);
  const { startTraces } = await import('../observe/traces.ts');
  const traces = startTraces({ env, role: name, pid, version: manifest.version, say });
  try {
    return await work(traces?.tracer);
  } finally {
    await traces?.close({ limitMs: drainMs, abandon });
  }
}
