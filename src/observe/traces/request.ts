// Sends spans to a collector by OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp) with JSON.

import { systemCode, systemReason, systemWords, tlsReason } from '../../errors.ts';
import { time } from '../../time.ts';
import type { Endpoint } from './settings.ts';
import { keyValues, type Span } from './span.ts';

/** Result of one request. `retry`: the collector may accept the spans later. `refused`: it never will. */
type SendResult =
  | { readonly type: 'sent' }
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

  /** URL without credentials. */
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
      await response.body?.cancel();
      return resultOf(response);
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

function resultOf({ ok, status, headers }: Response): SendResult {
  if (ok) return { type: 'sent' };
  const reason = `HTTP ${status}`;
  if (!retryable.includes(status)) return { type: 'refused', reason };
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return { type: 'retry', reason, ...(seconds >= 0 && { afterMs: seconds * 1000 }) };
}

/** Returns the reason of an error of fetch, which is in its cause. The URL is not part of it. */
function failureReason(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemCode(cause);
  if (code === 'ECONNREFUSED') return 'connection refused';
  // The message of an error about several addresses is empty.
  return systemWords(cause) ?? (tlsReason(systemReason(cause)) || (code ?? 'no connection'));
}
