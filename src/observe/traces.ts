// Records the spans of messages and sends them to a collector by OTLP/HTTP, if OpenTelemetry's variables name one.

import type { Say } from '../context.ts';
import { escaped } from '../errors.ts';
import type { Tracer } from '../tracing.ts';
import { SpanExporter } from './traces/exporter.ts';
import { Recorder } from './traces/recorder.ts';
import { Collector, type Fetch } from './traces/request.ts';
import { traceSettings } from './traces/settings.ts';

interface TracedRole {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the role or command. */
  readonly role: string;
  readonly pid: number;
  /** Version of mq. */
  readonly version: string;
  readonly say: Say;
  readonly fetch?: Fetch;
}

export interface Traces {
  readonly tracer: Tracer;
  /** Sends the last spans within the time limit, at most 5 s, or until `abandon` aborts. Never rejects. */
  close(limits: { limitMs: number; abandon: AbortSignal }): Promise<void>;
}

/** Longest time in which the last spans are sent, in milliseconds. Docker kills a process 10 s after SIGTERM. */
const longestFlushMs = 5000;

/** Starts to record. Returns `undefined` if traces are off. Logs each mistake in the variables as a warning. */
export function startTraces({
  env,
  role,
  pid,
  version,
  say,
  fetch = globalThis.fetch,
}: TracedRole): Traces | undefined {
  const { settings, warnings } = traceSettings(env);
  for (const message of warnings) say({ level: 'warn', event: 'traces', message: escaped(message) });
  if (!settings) return undefined;
  const { endpoint, limits, sampler } = settings;
  const resource = {
    'service.name': `mq-${role}`,
    'process.pid': pid,
    ...settings.resource,
    'telemetry.sdk.name': 'mq',
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.version': version,
  };
  const exporter = new SpanExporter(new Collector(endpoint, { resource, version }, fetch), limits, say);
  return {
    tracer: new Recorder(sampler, (span) => exporter.add(span)),
    close: ({ limitMs, abandon }) =>
      exporter.close({ limitMs: Math.min(limitMs, longestFlushMs, endpoint.timeoutMs), abandon }),
  };
}
