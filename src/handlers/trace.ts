// Reads the W3C Trace Context (https://www.w3.org/TR/trace-context/) of a message from its headers. mq creates no
// spans. It passes the trace to the handler and copies it to replies, retries and dead letters.

interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Returns the trace, or `undefined` if there is no valid traceparent (3.2.2, 4.3: ignore an invalid one). */
export function traceOf({ traceparent, tracestate }: Readonly<Record<string, unknown>>): Trace | undefined {
  if (typeof traceparent !== 'string' || !isValid(traceparent)) return undefined;
  // 3.3.1: printable ASCII. 3.3.1.5: at least 512 characters should be propagated.
  const hasState = typeof tracestate === 'string' && /^[\x20-\x7e]{1,512}$/.test(tracestate);
  return hasState ? { traceparent, tracestate } : { traceparent };
}

/** Returns the trace of an environment: TRACEPARENT and TRACESTATE, which OpenTelemetry's environment carriers use. */
export function traceOfEnvironment(env: Readonly<Record<string, string | undefined>>): Trace | undefined {
  return traceOf({ traceparent: env['TRACEPARENT'], tracestate: env['TRACESTATE'] });
}

/** Returns the variables that pass the trace to a child. */
export function traceVariables(trace: Trace | undefined): Record<string, string> {
  if (!trace) return {};
  const { traceparent, tracestate } = trace;
  return { TRACEPARENT: traceparent, ...(tracestate !== undefined && { TRACESTATE: tracestate }) };
}

/** 3.2.2: version-traceid-parentid-flags. An id must not be zero, ff is not a version, later versions may have more. */
function isValid(text: string): boolean {
  const [, version, trace, parent, , more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]{0,200})?$/.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return false;
  return !/^0+$/.test(trace ?? '') && !/^0+$/.test(parent ?? '');
}
