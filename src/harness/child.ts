// The process of one test file: loads the file with mq's `uvu` instead of the package, runs the registered tests
// (groups.ts), and sends every event to the runner. verdict.ts decides whether the file passes.

import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import * as uvuAssert from 'uvu/assert';
import { systemCode } from '../errors.ts';
import { openFixtures } from './fixtures.ts';
import { type ChildOptions, loadTimeoutMs } from './request.ts';
import { eventsDescriptor } from './start-child.ts';
import type { FileTarget } from './target.ts';
import type { Failure, TestEvent } from './test-file/event.ts';
import { failureOf } from './test-file/failure.ts';
import type { RunContext } from './test-file/group-run.ts';
import { failureWith, runGroups } from './test-file/groups.ts';
import { type ErrorEvents, type Guard, makeGuard } from './test-file/guard.ts';
import { type LeakWatch, watchLeaks } from './test-file/leaks.ts';
import * as userModule from './test-file/user.ts';
import { suite, test } from './test-file/uvu.ts';
import { provide } from './test-file/virtual-modules.ts';

/** The part of `process` that a child needs. The code that starts the child passes it. */
export type ChildHost = ErrorEvents &
  Pick<NodeJS.Process, 'exit' | 'getActiveResourcesInfo' | 'channel' | 'stdout'> & {
    on(event: 'disconnect', listener: () => void): unknown;
    once(event: 'message', listener: (message: unknown) => void): unknown;
  };

/** Functions that load the file of a child and open its target. */
interface ChildParts {
  /** Loads and thereby runs the test file. Defaults to `import()`. */
  readonly load?: (file: string) => Promise<unknown>;
  /** `true` for one of mq's own suites, which use the fixtures without importing `mq/test`. */
  readonly isOwn?: boolean;
  /** Creates the target of the fixtures. Called only for a file that imports `mq/test`. */
  readonly open?: () => Promise<FileTarget>;
}

/**
 * Runs the file and sends its events. The process must exit by itself afterwards. If it does not, the file fails.
 */
export async function runChild(host: ChildHost, options: ChildOptions, parts: ChildParts = {}): Promise<void> {
  const fail: RunContext['fail'] = (place, failure) => send({ type: 'fail', place, failure });
  const write = (text: string) => void host.stdout.write(text);
  removeUvuOutput(host.stdout);
  const own = host.getActiveResourcesInfo();
  // If the runner has exited, the events of this process are not needed any more.
  host.on('disconnect', () => host.exit(1));
  host.channel?.unref();

  const guard = makeGuard(host, (error) => fail('the file', failureOf(error)));
  let place = 'loading the file';
  try {
    const { usesFixtures } = await load(options, guard, parts);
    place = 'the target';
    const leaks =
      usesFixtures && parts.open ? await openTarget(parts.open, guard, loadTimeoutMs(options.timeoutMs)) : undefined;
    await runGroups({ send, fail, guard, leaks: leaks?.watch, write, ...options });
    await leaks?.close((failure) => fail('the target', failure));
  } catch (error) {
    fail(place, failureOf(error));
    host.exit(1);
  }
  const graceMs = Math.min(5_000, options.timeoutMs);
  setTimeout(() => {
    const open = counted(host.getActiveResourcesInfo(), own);
    fail('the file', failureWith(`still running ${graceMs} ms after its last test; open: ${open}`));
    host.exit(1);
  }, graceMs).unref();
}

/**
 * Formats the resources that the file left open: `TCPServerWrap, Timeout (20)`. Resources that existed before the file
 * was loaded are not counted.
 */
function counted(names: readonly string[], before: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const name of before) counts.set(name, (counts.get(name) ?? 0) - 1);
  const left = [...counts].filter(([, count]) => count > 0);
  return left.map(([name, count]) => (count === 1 ? name : `${name} (${count})`)).join(', ');
}

/**
 * Sends an event to the runner. When this function returns, the event is in the pipe, so it is not lost if the test
 * blocks or ends the process. A message of `process.send` costs as much as a small test.
 */
function send(event: TestEvent): void {
  const line = Buffer.from(`${JSON.stringify(event)}\n`);
  try {
    for (let sent = 0; sent < line.length; ) sent += writeSync(eventsDescriptor, line, sent);
  } catch (error) {
    // EPIPE: the runner has exited, and the event 'disconnect' ends this process.
    if (systemCode(error) !== 'EPIPE') throw error;
  }
}

/**
 * Removes uvu's output from stdout. uvu writes a mark for each test and a count for each suite, each in a separate
 * write.
 */
function removeUvuOutput(stdout: ChildHost['stdout']): void {
  const { write } = stdout;
  stdout.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean =>
    (typeof chunk === 'string' && uvuMark.test(stripVTControlCharacters(chunk))) ||
    Reflect.apply(write, stdout, [chunk, ...rest]);
}

const uvuMark = /^(?:[•✘] | {2}\(\d+ \/ \d+\)\n)$/;

async function load(
  { file, timeoutMs }: ChildOptions,
  guard: Guard,
  parts: ChildParts,
): Promise<{ usesFixtures: boolean }> {
  const modules = provide({ uvu: { test, suite }, 'uvu/assert': uvuAssert, 'mq/test': userModule });
  const { load = (path) => import(pathToFileURL(path).href) } = parts;
  await guard(() => load(file), loadTimeoutMs(timeoutMs));
  modules.release();
  return { usesFixtures: parts.isOwn === true || modules.imported.has('mq/test') };
}

/** Opens the target and activates the fixtures. `close` closes the target after the tests of the file. */
async function openTarget(open: () => Promise<FileTarget>, guard: Guard, limitMs: number) {
  let target: FileTarget | undefined;
  let watch: LeakWatch | undefined;
  await guard(async () => {
    target = await open();
    watch = await watchLeaks(target);
    openFixtures(target);
  }, limitMs);
  const close = async (fail: (failure: Failure) => void) => {
    try {
      await guard(() => target?.close(), limitMs);
    } catch (error) {
      fail(failureOf(error));
    }
  };
  return { watch, close };
}
