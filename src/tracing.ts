// Reads and writes the W3C Trace Context (https://www.w3.org/TR/trace-context/) in the headers of a message, and defines the
// spans of messages, which observe/traces.ts records. Without it, mq copies the context of a message to replies, retries
// and dead letters.

import type { MqError } from './errors.ts';
import type { PublishOutcome, WritableMessage } from './session/outgoing-message.ts';
import type { Properties } from './session/raw-message.ts';

export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

type Headers = Readonly<Record<string, unknown>>;

/** Address of the node that a connection uses. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface Tracer {
  /** Returns the tracer for the messages of one connection. `server` returns the address that it uses now. */
  on(server: () => ServerAddress): MessageTracer;
}

/** Starts the spans of messages. The methods never throw. */
export interface MessageTracer {
  /** Starts the span of a publish. Returns the message with the context of the span, and a `settle` that ends the span. */
  publish(message: WritableMessage, settle: Settle): { message: WritableMessage; settle: Settle };
  /** Starts the span of one call of a handler. Its context belongs into the headers that the handler receives. */
  process(message: ProcessedMessage): ProcessSpan;
}

type Settle = (outcome: PublishOutcome) => void;

/** A message that a handler receives. */
export interface ProcessedMessage {
  readonly body: Buffer;
  readonly fields: { readonly exchange: string; readonly routingKey: string; readonly queue: string };
  readonly properties: Pick<Properties, 'messageId' | 'correlationId'>;
  readonly headers: Headers;
  readonly attempt: number;
}

export interface ProcessSpan {
  readonly context: TraceContext;
  /** Sets the end and the outcome of the handler's call. */
  handled(outcome: { readonly type: string; readonly reason?: string; readonly error?: MqError }): void;
  /** Ends the span, once, with what happened to the message. */
  settle(fate: Fate): void;
}

/** Fate of a message after its handler. `rejected` means that its queue decides. */
export type Fate = 'ack' | 'retried' | 'requeued' | 'dead-lettered' | 'rejected' | 'dropped';

/** Returns the trace, or `undefined` if there is no valid traceparent (3.2.2, 4.3: ignore an invalid one). */
export function traceOf({ traceparent, tracestate }: Headers): TraceContext | undefined {
  if (typeof traceparent !== 'string' || !isValid(traceparent)) return undefined;
  // 3.3.1: printable ASCII. 3.3.1.5: at least 512 characters should be propagated.
  const hasState = typeof tracestate === 'string' && /^[\x20-\x7e]{1,512}$/.test(tracestate);
  return hasState ? { traceparent, tracestate } : { traceparent };
}

/** Returns the trace of an environment: TRACEPARENT and TRACESTATE, which OpenTelemetry's environment carriers use. */
export function traceOfEnvironment(env: Readonly<Record<string, string | undefined>>): TraceContext | undefined {
  return traceOf({ traceparent: env['TRACEPARENT'], tracestate: env['TRACESTATE'] });
}

/** Returns the headers with this context instead of their own. */
export function withTrace(headers: Headers, context: TraceContext): Record<string, unknown> {
  return Object.assign(untraced(headers), context);
}

/** Returns the headers without a context. */
export function untraced(headers: Headers = {}): Record<string, unknown> {
  const { traceparent: _, tracestate: __, ...others } = headers;
  return Object.assign(Object.create(null), others);
}

/** 3.2.2: version-traceid-parentid-flags. An id must not be zero, ff is not a version, later versions may have more. */
function isValid(text: string): boolean {
  const [, version, trace, parent, , more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]{0,200})?$/.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return false;
  return !/^0+$/.test(trace ?? '') && !/^0+$/.test(parent ?? '');
}
