// Runs one callback of a test file under a deadline, and blames it for what goes wrong outside its promise: an
// exception in a timer, a rejection nobody handled.

/** What the child hears from its process. */
export interface Strays {
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (thrown: unknown) => void): unknown;
}

/** Runs `work`; rejects with what it threw, with the stray exception it caused, or when `ms` have passed. */
export type Guard = (work: () => unknown, ms: number) => Promise<void>;

/** `unowned` is called for a stray exception while nothing is running. */
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
    // Node reports unhandled rejections only after the microtasks: one more turn, so that the right test is blamed.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    blame = unowned;
    if (caught !== undefined) throw caught.error;
  };
}

/** One timer for all that has the same deadline: most tests are over sooner than a timer is made. */
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
