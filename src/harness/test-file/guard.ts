// Runs one callback of a test file with a deadline. Errors outside its promise, such as an exception in a timer or an
// unhandled rejection, count as its failure.

/** Process events that the guard listens to. */
export interface Strays {
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (thrown: unknown) => void): unknown;
}

/** Runs `work`. Rejects with the error it threw, with a stray exception it caused, or after `ms`. */
export type Guard = (work: () => unknown, ms: number) => Promise<void>;

/** Creates a guard. `unowned` is called for a stray exception while no callback is running. */
export function makeGuard(strays: Strays, unowned: (error: Error) => void): Guard {
  let blame = unowned;
  strays.on('uncaughtException', (thrown) => blame(stray('exception outside the test', thrown)));
  strays.on('unhandledRejection', (thrown) => blame(stray('unhandled rejection', thrown)));
  const deadline = makeDeadline();

  return async (work, ms) => {
    let caught: { error: unknown } | undefined;
    const stopped = new Promise<void>((resolve) => {
      const stop = (error: Error) => {
        caught ??= { error };
        resolve();
      };
      blame = stop;
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
    // Node reports unhandled rejections after the microtasks, so one more turn is needed to assign them to the right
    // test.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    blame = unowned;
    if (caught !== undefined) throw caught.error;
  };
}

/** Creates a reusable timer for each deadline, because most tests are shorter than the creation of a timer. */
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

function stray(kind: string, thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(`${kind}: ${String(thrown)}`);
  return Object.assign(thrown, { message: `${kind}: ${thrown.message}` });
}
