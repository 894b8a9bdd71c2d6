// Turns a call of amqplib that expects a callback into a promise.

/** Resolves to what the broker answers. Rejects with the error that amqplib passes, usually that the channel closed. */
export function promised<T>(call: (next: (error: Error | null, ok: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => call((error, ok) => (error ? reject(error) : resolve(ok))));
}
