// A span in the JSON of OTLP (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids are hexadecimal, 64-bit
// numbers are decimal strings, and enumerations are numbers.

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState?: string;
  readonly parentSpanId?: string;
  /** Trace flags of W3C Trace Context. */
  readonly flags: number;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status?: { readonly code: number; readonly message: string };
}

/** Values of SpanKind in trace.proto. */
export const spanKinds = { producer: 4, consumer: 5 } as const;
type SpanKind = (typeof spanKinds)[keyof typeof spanKinds];

/** Value of StatusCode in trace.proto. */
export const errorStatus = 2;

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string } | { readonly boolValue: boolean };
}

/** Returns the attributes that are defined. */
export function keyValues(attributes: Attributes): KeyValue[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: any(value) }],
  );
}

/** Returns milliseconds since 1970 as nanoseconds. */
export function nanoseconds(milliseconds: number): string {
  return `${Math.round(milliseconds * 1000)}000`;
}

function any(value: string | number | boolean): KeyValue['value'] {
  if (typeof value === 'boolean') return { boolValue: value };
  // Protobuf requires valid Unicode. Bytes that are not UTF-8 are lone surrogates in mq (session/byte-text.ts).
  return typeof value === 'number' ? { intValue: String(value) } : { stringValue: value.toWellFormed() };
}
