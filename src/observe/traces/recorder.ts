// Starts and ends the spans of messages. A span continues the trace of its message, or starts a trace. The context of a
// publish is written into the message, and the context of a handler's call into the headers that the handler receives.
// Everything that is published because of a message therefore belongs to its trace.

import type { PublishOutcome, WritableMessage } from '../../session/outgoing-message.ts';
import { time } from '../../time.ts';
import {
  type MessageTracer,
  type ProcessedMessage,
  type ProcessSpan,
  type ServerAddress,
  type TraceContext,
  type Tracer,
  traceOf,
  untraced,
  withTrace,
} from '../../tracing.ts';
import { type Described, processDescription, publishDescription } from './attributes.ts';
import type { Sampler } from './sampler.ts';
import { errorStatus, keyValues, nanoseconds, type Span, spanKinds } from './span.ts';

/** Maximum number of characters of the reason of a failure. */
const longestReason = 1000;

export class Recorder implements Tracer {
  readonly #sampler: Sampler;
  readonly #onEnd: (span: Span) => void;
  #offset = time.date() - time.now();

  constructor(sampler: Sampler, onEnd: (span: Span) => void) {
    this.#sampler = sampler;
    this.#onEnd = onEnd;
  }

  on(server: () => ServerAddress): MessageTracer {
    return {
      publish: (message, settle) => {
        const parent = traceOf(message.properties.headers ?? {});
        const open = this.#open(parent);
        if (!open.isSampled) return { message: parent ? message : new TracedMessage(message, open.context), settle };
        const end = (outcome: PublishOutcome) => {
          const failure = outcome.type === 'confirmed' ? undefined : outcome.error;
          this.#end(open, spanKinds.producer, publishDescription(message, server()), {
            type: failure?.code,
            reason: failure?.message,
          });
          settle(outcome);
        };
        return { message: new TracedMessage(message, open.context), settle: end };
      },
      process: (message) => this.#process(message, server),
    };
  }

  #process(message: ProcessedMessage, server: () => ServerAddress): ProcessSpan {
    const open = this.#open(traceOf(message.headers));
    const { context } = open;
    if (!open.isSampled) return { context, handled: () => undefined, settle: () => undefined };
    let ended: { readonly endMs: number; readonly failure: Failure } | undefined;
    return {
      context,
      handled: ({ type, reason, error }) => {
        const isFailure = !['ack', 'hand-back'].includes(type);
        const failure = { type: isFailure ? (error?.code ?? type) : undefined, reason: error?.message ?? reason };
        ended = { endMs: this.#now(), failure };
      },
      settle: (fate) => {
        if (!ended) return;
        const { endMs, failure } = ended;
        ended = undefined;
        const { name, attributes } = processDescription(message, server());
        const described = { name, attributes: { ...attributes, 'mq.outcome': fate } };
        this.#end({ ...open, endMs }, spanKinds.consumer, described, failure);
      },
    };
  }

  /** Begins a span below the parent. Without a span to record, the context of the parent stays. */
  #open(parent: TraceContext | undefined): OpenSpan {
    const [, parentTrace, parentSpanId, parentFlags = '01'] = parent?.traceparent.split('-') ?? [];
    const traceId = parentTrace ?? randomId(16);
    const spanId = randomId(8);
    const flags = Number.parseInt(parentFlags, 16);
    const isSampled = this.#sampler(traceId, parent && (flags & sampledFlag) !== 0);
    const ownFlags = (flags & randomFlag) | (isSampled ? sampledFlag : 0);
    const { tracestate } = parent ?? {};
    const traceparent = `00-${traceId}-${spanId}-${ownFlags.toString(16).padStart(2, '0')}`;
    const context = { traceparent, ...(tracestate !== undefined && { tracestate }) };
    return {
      isSampled,
      context: isSampled || !parent ? context : parent,
      ids: { traceId, spanId, ...(parentSpanId !== undefined && { parentSpanId }), flags: ownFlags },
      startMs: this.#now(),
    };
  }

  #end(open: OpenSpan, kind: Span['kind'], { name, attributes }: Described, { type, reason = '' }: Failure): void {
    const { tracestate } = open.context;
    this.#onEnd({
      ...open.ids,
      ...(tracestate !== undefined && { traceState: tracestate }),
      ...{ name, kind },
      startTimeUnixNano: nanoseconds(open.startMs),
      endTimeUnixNano: nanoseconds(open.endMs ?? this.#now()),
      attributes: keyValues({ ...attributes, 'error.type': type }),
      ...(type !== undefined && {
        status: { code: errorStatus, message: reason.slice(0, longestReason).toWellFormed() },
      }),
    });
  }

  /** Returns the milliseconds since 1970, with fractions. Follows the clock of the system if it was set. */
  #now(): number {
    const [date, now] = [time.date(), time.now()];
    if (Math.abs(date - now - this.#offset) > 2) this.#offset = date - now;
    return now + this.#offset;
  }
}

interface OpenSpan {
  readonly isSampled: boolean;
  readonly context: TraceContext;
  readonly ids: Pick<Span, 'traceId' | 'spanId' | 'parentSpanId' | 'flags'>;
  readonly startMs: number;
  /** Default: now. */
  readonly endMs?: number;
}

interface Failure {
  /** A word for the kind of failure. `undefined` means success. */
  readonly type: string | undefined;
  readonly reason: string | undefined;
}

/** Flags of W3C Trace Context, 3.2.2.5, and of its level 2. */
const sampledFlag = 1;
const randomFlag = 2;

/** Returns an id in hexadecimal that is not zero. */
function randomId(bytes: number): string {
  const id = time.randomBytes(bytes).toString('hex');
  return /[1-9a-f]/.test(id) ? id : randomId(bytes);
}

/**
 * A message with the context of its span. The properties are those of the message now, because a requester replaces
 * `reply_to` when it sends a request again.
 */
class TracedMessage implements WritableMessage {
  readonly #message: WritableMessage;
  readonly #context: TraceContext;

  constructor(message: WritableMessage, context: TraceContext) {
    this.#message = message;
    this.#context = context;
  }

  get exchange(): string {
    return this.#message.exchange;
  }

  get routingKey(): string {
    return this.#message.routingKey;
  }

  get mandatory(): boolean {
    return this.#message.mandatory;
  }

  get body(): Buffer {
    return this.#message.body;
  }

  get properties(): WritableMessage['properties'] {
    const { properties } = this.#message;
    return { ...properties, headers: withTrace(properties.headers ?? {}, this.#context) };
  }

  get withoutTrace(): WritableMessage {
    const message = this.#message;
    // A message of a user keeps its headers. Those of a retry, a dead letter or a reply already have the context of a span.
    if (message.operation === undefined) return message;
    const { exchange, routingKey, mandatory, body, properties } = message;
    return {
      exchange,
      routingKey,
      mandatory,
      body,
      properties: { ...properties, headers: untraced(properties.headers) },
    };
  }
}
