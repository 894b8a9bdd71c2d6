// Reads the settings of traces from the environment variables that OpenTelemetry defines
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and …/protocol/exporter/). A mistake in
// them never stops a role: the variable is ignored, or traces are off, and one warning names it. No value of a variable
// that can contain a credential is part of a warning.

import { longestTimerMs } from '../../time.ts';
import { pairsOf } from './pairs.ts';
import { defaultSampler, ratioOf, type Sampler, samplerOf } from './sampler.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Endpoint {
  readonly url: string;
  /** Scheme, host and port, for messages. The rest of the URL can contain a token. */
  readonly shown: string;
  readonly headers: Headers;
  /** Time limit of one request, in milliseconds. */
  readonly timeoutMs: number;
}

export interface QueueLimits {
  /** Maximum number of spans that wait. */
  readonly most: number;
  /** Maximum number of spans in one request. */
  readonly batch: number;
  /** Longest time that a span waits for others, in milliseconds. */
  readonly delayMs: number;
}

interface TraceSettings {
  readonly endpoint: Endpoint;
  readonly limits: QueueLimits;
  readonly sampler: Sampler;
  /** Attributes of the resource. */
  readonly resource: Readonly<Record<string, string>>;
}

interface Reading {
  /** `undefined` if traces are off. */
  readonly settings?: TraceSettings;
  readonly warnings: readonly string[];
}

export function traceSettings(env: Environment): Reading {
  const variables = new Variables(env);
  const { warnings } = variables;
  const off = offReason(variables);
  if (off !== undefined) return { warnings: off === '' ? warnings : [...warnings, `traces are off: ${off}`] };
  const url = endpointUrl(variables);
  if (!url) return { warnings: [...warnings, 'traces are off: the OTLP endpoint is not a URL with http or https'] };
  const settings = {
    endpoint: endpointOf(variables, url),
    limits: limitsOf(variables),
    sampler: samplerIn(variables),
    resource: resourceOf(variables),
  };
  return { settings, warnings };
}

/** Returns why traces are off, or '' if the user has turned them off. */
function offReason(variables: Variables): string | undefined {
  const isDisabled = variables.text('OTEL_SDK_DISABLED')?.toLowerCase();
  if (isDisabled === 'true') return '';
  if (isDisabled !== undefined && isDisabled !== 'false') variables.ignore('OTEL_SDK_DISABLED', 'true or false');
  const exporters = (variables.text('OTEL_TRACES_EXPORTER') ?? 'otlp').toLowerCase().split(',');
  if (exporters.some((name) => name.trim() === 'none')) return '';
  if (!exporters.some((name) => name.trim() === 'otlp')) return 'OTEL_TRACES_EXPORTER does not contain otlp';
  const [name, protocol] = variables.ofTraces('PROTOCOL');
  if (protocol === undefined || protocol.toLowerCase() === 'http/json') return undefined;
  return `mq sends them as http/json, and ${name} is '${protocol}'; set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json and the endpoint of OTLP/HTTP, usually port 4318`;
}

function endpointUrl(variables: Variables): URL | undefined {
  const own = variables.text('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const base = variables.text('OTEL_EXPORTER_OTLP_ENDPOINT') ?? '';
  // The path is appended to OTEL_EXPORTER_OTLP_ENDPOINT. The variable of traces has the whole path.
  const url = URL.parse(own ?? base);
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '') return undefined;
  if (own === undefined) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  url.hash = '';
  return url;
}

function endpointOf(variables: Variables, url: URL): Endpoint {
  const shown = url.origin;
  const headers = headersOf(variables);
  const [user, password] = [url.username, url.password].map(unescaped);
  // fetch refuses a URL that contains a user or password.
  if (url.username !== '' && !headers.has('authorization'))
    headers.set('authorization', `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
  url.username = '';
  url.password = '';
  const [name] = variables.ofTraces('TIMEOUT');
  const timeoutMs = variables.whole(name, { least: 0, otherwise: 10_000 });
  return { url: url.href, shown, headers, timeoutMs: timeoutMs === 0 ? longestTimerMs : timeoutMs };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Returns the headers of a request. A value can be a key, so no warning contains a part of the variable. */
function headersOf(variables: Variables): Headers {
  const [name, text = ''] = variables.ofTraces('HEADERS');
  const pairs = pairsOf(text);
  try {
    if (pairs) return new Headers(Object.entries(pairs));
  } catch {
    // A name or a value is not valid in HTTP.
  }
  variables.ignore(name, 'a list of headers such as name=value,name=value');
  return new Headers();
}

function limitsOf(variables: Variables): QueueLimits {
  const most = variables.whole('OTEL_BSP_MAX_QUEUE_SIZE', { least: 1, otherwise: 2048 });
  const batch = variables.whole('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', { least: 1, otherwise: 512 });
  const delayMs = variables.whole('OTEL_BSP_SCHEDULE_DELAY', { least: 0, otherwise: 5000 });
  return { most, batch: Math.min(batch, most), delayMs };
}

function samplerIn(variables: Variables): Sampler {
  const name = variables.text('OTEL_TRACES_SAMPLER')?.toLowerCase() ?? defaultSampler;
  const argument = variables.text('OTEL_TRACES_SAMPLER_ARG');
  const isRatio = name.endsWith('traceidratio');
  const ratio = isRatio && argument !== undefined ? ratioOf(argument) : 1;
  if (ratio === undefined) variables.ignore('OTEL_TRACES_SAMPLER_ARG', 'a number from 0 to 1');
  const sampler = samplerOf(name, ratio ?? 1);
  if (sampler) return sampler;
  variables.ignore('OTEL_TRACES_SAMPLER', 'a sampler that mq knows');
  return () => true;
}

function resourceOf(variables: Variables): Readonly<Record<string, string>> {
  const given = pairsOf(variables.text('OTEL_RESOURCE_ATTRIBUTES') ?? '');
  if (!given) variables.ignore('OTEL_RESOURCE_ATTRIBUTES', 'a list such as name=value,name=value');
  const service = variables.text('OTEL_SERVICE_NAME');
  return { ...given, ...(service !== undefined && { 'service.name': service }) };
}

/** The variables. An empty one counts as not set. */
class Variables {
  readonly #env: Environment;
  readonly warnings: string[] = [];

  constructor(env: Environment) {
    this.#env = env;
  }

  text(name: string): string | undefined {
    return this.#env[name]?.trim() || undefined;
  }

  /** Returns name and value of a variable for traces, or of the one for all signals. */
  ofTraces(ending: string): readonly [name: string, value: string | undefined] {
    const name = `OTEL_EXPORTER_OTLP_TRACES_${ending}`;
    const general = `OTEL_EXPORTER_OTLP_${ending}`;
    return this.text(name) === undefined ? [general, this.text(general)] : [name, this.text(name)];
  }

  whole(name: string, { least, otherwise }: { least: number; otherwise: number }): number {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= longestTimerMs) return value;
    this.ignore(name, `a whole number of at least ${least}`);
    return otherwise;
  }

  ignore(name: string, expected: string): void {
    this.warnings.push(`${name} is ignored, because it is not ${expected}`);
  }
}
