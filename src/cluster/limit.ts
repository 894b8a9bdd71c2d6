// A bound in time for one piece of work.

/**
 * Runs `work` with a signal that aborts after `milliseconds`, or when `outer` does; rejects with an AbortError then, whatever `work` does.
 * Not AbortSignal.any and AbortSignal.timeout: Node may collect them before they abort, and nothing ever ends the work (nodejs/node#57736).
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
    // Whatever of the work still runs ends too.
    end();
    clearTimeout(timer);
    outer?.removeEventListener('abort', end);
  }
}
