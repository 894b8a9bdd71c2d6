// Limits the time of an operation.

/**
 * Runs `work` with a signal that aborts after `milliseconds`, or when `outer` aborts. In both cases it rejects with an
 * AbortError, even if `work` continues. AbortSignal.any and AbortSignal.timeout are not used, because Node may
 * garbage-collect such signals before they abort, and then the work would never end (nodejs/node#57736).
 */
export async function within<Result>(
  milliseconds: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const inner = new AbortController();
  const end = () => inner.abort();
  const timer = setTimeout(end, milliseconds);
  outer?.addEventListener('abort', end);
  if (outer?.aborted) end();
  const aborted = new Promise<never>((_, reject) => {
    if (inner.signal.aborted) reject(inner.signal.reason);
    inner.signal.addEventListener('abort', () => reject(inner.signal.reason));
  });
  try {
    return await Promise.race([work(inner.signal), aborted]);
  } finally {
    // Work that is still running is aborted too.
    end();
    clearTimeout(timer);
    outer?.removeEventListener('abort', end);
  }
}
