// Sends spans to a collector by OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp) with JSON.

import { objectOf } from '../../config/plain.ts';
import { systemCode, systemReason, systemWords, tlsReason } from '../../errors.ts';
import { time } from '../../time.ts';
import type { Endpoint } from './settings.ts';
import { keyValues, type Span } from './span.ts';

/** Part of an answer of OTLP: how many spans the collector did not accept, and why. Without spans, it is a warning. */
export interface PartialSuccess {
  readonly rejected: number;
  /** Text of the collector in one line of bounded length. */
  readonly reason: string;
}

/** Result of one request. `retry`: the collector may accept the spans later. `refused`: it never will. */
type SendResult =
  | { readonly type: 'sent'; readonly partial?: PartialSuccess }
  | { readonly type: 'retry'; readonly reason: string; readonly afterMs?: number }
  | { readonly type: 'refused'; readonly reason: string };

/** Sends a request, like the global `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The attributes of the process, and the version of mq. */
interface Source {
  readonly resource: Readonly<Record<string, string | number>>;
  readonly version: string;
}

export class Collector {
  readonly #endpoint: Endpoint;
  readonly #source: Source;
  readonly #fetch: Fetch;

  constructor(endpoint: Endpoint, source: Source, fetch: Fetch) {
    this.#endpoint = endpoint;
    this.#source = source;
    this.#fetch = fetch;
    const { headers } = endpoint;
    headers.set('content-type', 'application/json');
    headers.set('user-agent', `mq/${source.version}`);
  }

  /** Scheme, host and port. */
  get shown(): string {
    return this.#endpoint.shown;
  }

  /** Sends the spans once. Never rejects. If `stop` aborts, it ends with `retry`. */
  async send(spans: readonly Span[], stop: AbortSignal): Promise<SendResult> {
    const { url, headers, timeoutMs } = this.#endpoint;
    const late = new AbortController();
    const deadline = time.after(timeoutMs, () => late.abort()).unref();
    const signal = AbortSignal.any([late.signal, stop]);
    // A redirect could pass the headers, and so a key, to another host.
    const init = { method: 'POST', headers, body: this.#body(spans), redirect: 'manual', signal } as const;
    try {
      const response = await this.#fetch(url, init);
      if (!response.ok) {
        await response.body?.cancel();
        return failureOf(response);
      }
      const partial = partialSuccess(await bodyStart(response), spans.length);
      return { type: 'sent', ...(partial && { partial }) };
    } catch (error) {
      return { type: 'retry', reason: signal.aborted ? 'no answer in time' : failureReason(error) };
    } finally {
      deadline.cancel();
    }
  }

  #body(spans: readonly Span[]): string {
    const { resource, version } = this.#source;
    const scopeSpans = [{ scope: { name: 'mq', version }, spans, schemaUrl }];
    return JSON.stringify({
      resourceSpans: [{ resource: { attributes: keyValues(resource) }, scopeSpans, schemaUrl }],
    });
  }
}

/** Version of the semantic conventions that attributes.ts follows. */
const schemaUrl = 'https://opentelemetry.io/schemas/1.44.0';

/** OTLP, "Retryable Response Codes". */
const retryable: readonly number[] = [429, 502, 503, 504];

function failureOf({ status, headers }: Response): SendResult {
  const reason = `HTTP ${status}`;
  if (!retryable.includes(status)) return { type: 'refused', reason };
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return { type: 'retry', reason, ...(seconds >= 0 && { afterMs: seconds * 1000 }) };
}

/** Maximum number of bytes of an answer that are read, and of characters of its text that are shown. */
const longestAnswer = 64 * 1024;
const longestReason = 200;

/** Returns the answer, or a part of it. Never rejects, because the status alone shows that the collector has the spans. */
async function bodyStart({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body ?? []) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > longestAnswer) break;
    }
  } catch {
    // The connection was lost, or the time is over.
  }
  return Buffer.concat(chunks).toString();
}

/** Reads ExportTraceServiceResponse. Returns `undefined` if the collector has accepted all spans without a warning. */
function partialSuccess(answer: string, spans: number): PartialSuccess | undefined {
  const partial = objectOf(objectOf(parsed(answer))['partialSuccess']);
  const { rejectedSpans, errorMessage } = partial;
  // A 64-bit number is a string in the JSON of Protobuf.
  const count = typeof rejectedSpans === 'string' || typeof rejectedSpans === 'number' ? Number(rejectedSpans) : 0;
  const rejected = count > 0 ? Math.min(Math.ceil(count), spans) : 0;
  const text = typeof errorMessage === 'string' ? oneLine(errorMessage) : '';
  return rejected === 0 && text === '' ? undefined : { rejected, reason: text };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const line = text.slice(0, 4 * longestReason).replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ');
  const trimmed = line.trim().toWellFormed();
  return trimmed.length > longestReason ? `${trimmed.slice(0, longestReason)}…` : trimmed;
}

/** Returns the reason of an error of fetch, which is in its cause. The URL is not part of it. */
function failureReason(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemCode(cause);
  if (code === 'ECONNREFUSED') return 'connection refused';
  // The message of an error about several addresses is empty.
  return systemWords(cause) ?? (tlsReason(systemReason(cause)) || (code ?? 'no connection'));
}
