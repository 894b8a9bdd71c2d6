// Runs one callback of a test file with a deadline. Errors outside its promise, such as an exception in a timer or an
// unhandled rejection, count as its failure.

/** The part of `process` that reports errors outside a promise. */
export interface ErrorEvents {
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (thrown: unknown) => void): unknown;
}

/** Runs `work`. Rejects if `work` throws, if an error occurs outside its promise, or after `ms`. */
export type Guard = (work: () => unknown, ms: number) => Promise<void>;

/** Creates a guard. `onError` receives errors that occur while no callback is running. */
export function makeGuard(events: ErrorEvents, onError: (error: Error) => void): Guard {
  let fail = onError;
  events.on('uncaughtException', (thrown) => fail(errorOf('exception outside the test', thrown)));
  events.on('unhandledRejection', (thrown) => fail(errorOf('unhandled rejection', thrown)));
  const deadline = makeDeadline();

  return async (work, ms) => {
    let caught: { error: unknown } | undefined;
    const stopped = new Promise<void>((resolve) => {
      const stop = (error: Error) => {
        caught ??= { error };
        resolve();
      };
      fail = stop;
      deadline.set(ms, () => stop(new Error(`did not end within ${ms} ms`)));
    });
    const finished = (async () => work())().then(
      () => {},
      (error: unknown) => {
        caught ??= { error };
      },
    );
    await Promise.race([finished, stopped]);
    deadline.clear();
    // Node reports unhandled rejections after the microtasks. Without another event-loop turn, they would be assigned
    // to the next test.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    fail = onError;
    if (caught !== undefined) throw caught.error;
  };
}

/** Reuses one timer for each duration, because creating a timer takes longer than most tests. */
function makeDeadline() {
  const timers = new Map<number, NodeJS.Timeout>();
  let running: { readonly timer: NodeJS.Timeout; readonly miss: () => void } | undefined;
  return {
    set: (ms: number, miss: () => void) => {
      const known = timers.get(ms)?.refresh().ref();
      const timer: NodeJS.Timeout = known ?? setTimeout(() => running?.timer === timer && running.miss(), ms);
      timers.set(ms, timer);
      running = { timer, miss };
    },
    clear: () => {
      running?.timer.unref();
      running = undefined;
    },
  };
}

function errorOf(kind: string, thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(`${kind}: ${String(thrown)}`);
  return Object.assign(thrown, { message: `${kind}: ${thrown.message}` });
}
