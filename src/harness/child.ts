// The process of one test file: loads the file with our `uvu` in the place of uvu's, gives what it registered to the
// real uvu, runs uvu's queue, and sends every event to the runner. It decides nothing: judge.ts does.

import { pathToFileURL } from 'node:url';
import './defer.ts';
import * as uvu from 'uvu';
import * as uvuAssert from 'uvu/assert';
import type { Failure, TestEvent } from './event.ts';
import { failureOf } from './failure.ts';
import { clearStage, openStage } from './fixtures.ts';
import { type Guard, makeGuard, type Strays } from './guard.ts';
import { provide } from './inside.ts';
import { type LeakWatch, watchLeaks } from './leaks.ts';
import { type ChildOptions, loadTimeoutMs } from './request.ts';
import { Skip } from './skip.ts';
import type { FileTarget } from './target.ts';
import { userModule } from './user.ts';
import { type Entry, forgotten, type Group, groups, suite, test } from './uvu.ts';

/** The part of `process` that a child needs; whoever starts the child gives it. */
export type ChildHost = Strays &
  Pick<NodeJS.Process, 'send' | 'exit' | 'getActiveResourcesInfo' | 'channel'> & {
    on(event: 'disconnect', listener: () => void): unknown;
  };

/** What a child needs beside its process. */
export interface ChildWorld {
  /** Loads and so runs the test file. By default it is `import()`. */
  readonly load?: (file: string) => Promise<unknown>;
  /** Makes the target of the fixtures. Only called for a file that imports `mq/test`. */
  readonly open?: () => Promise<FileTarget>;
}

type Send = (event: TestEvent) => Promise<void>;

/** Runs the file and reports. The process is then to end by itself; if it does not, that is a failure too. */
export async function runChild(host: ChildHost, options: ChildOptions, world: ChildWorld = {}): Promise<void> {
  const send: Send = (event) => new Promise((resolve) => host.send?.(event, undefined, undefined, () => resolve()));
  const fail: World['fail'] = (place, failure) => send({ type: 'fail', place, failure });
  // A runner that is gone needs no answer.
  host.on('disconnect', () => host.exit(1));
  host.channel?.unref();

  const guard = makeGuard(host, (error) => void fail('the file', failureOf(error)));
  let place = 'loading the file';
  try {
    const { usesFixtures } = await load(options, guard, world);
    place = 'the target';
    const leaks = usesFixtures && world.open ? await raise(world.open, guard) : undefined;
    await runGroups({ send, fail, guard, leaks: leaks?.watch, ...options });
    await leaks?.close((failure) => fail('the target', failure));
  } catch (error) {
    await fail(place, failureOf(error));
    host.exit(1);
  }
  const graceMs = Math.min(5_000, options.timeoutMs);
  setTimeout(async () => {
    const open = host.getActiveResourcesInfo().join(', ');
    await fail('the file', verdict(`still running ${graceMs} ms after its last test; open: ${open}`));
    host.exit(1);
  }, graceMs).unref();
}

async function load({ file }: ChildOptions, guard: Guard, world: ChildWorld): Promise<{ usesFixtures: boolean }> {
  const inside = provide({ uvu: { test, suite }, 'uvu/assert': uvuAssert, 'mq/test': userModule });
  const { load = (path) => import(pathToFileURL(path).href) } = world;
  await guard(() => load(file), loadTimeoutMs);
  inside.release();
  return { usesFixtures: inside.imported.has('mq/test') };
}

/** The target, for as long as the file's tests run. */
async function raise(open: () => Promise<FileTarget>, guard: Guard) {
  let target: FileTarget | undefined;
  let watch: LeakWatch | undefined;
  await guard(async () => {
    target = await open();
    watch = await watchLeaks(target);
    openStage(target);
  }, loadTimeoutMs);
  const close = async (fail: (failure: Failure) => Promise<void>) => {
    try {
      await guard(() => target?.close(), loadTimeoutMs);
    } catch (error) {
      await fail(failureOf(error));
    }
  };
  return { watch, close };
}

interface World extends ChildOptions {
  readonly send: Send;
  readonly fail: (place: string, failure: Failure) => Promise<void>;
  readonly guard: Guard;
  readonly leaks: LeakWatch | undefined;
}

async function runGroups(world: World): Promise<void> {
  const unrun = forgotten();
  const plan = planOf(world.filter);
  await world.send({ type: 'plan', ...plan.event });
  for (const group of unrun) {
    await world.fail(titleOf(group), verdict(`.run() was never called; tests registered: ${group.tests.length}`));
  }
  let ran = 0;
  let total = 0;
  for (const { group, entries } of plan.groups) {
    if (group.tests.length === 0) await world.fail(titleOf(group), verdict('.run() was called, but it has no test'));
    if (entries.length === 0) continue;
    const [numberRan, numberTotal] = await runGroup(group, entries, world);
    ran += numberRan;
    total += numberTotal;
  }
  for (const { test, what } of (await world.leaks?.left()) ?? []) await world.fail(test, verdict(`left ${what}`));
  await world.send({ type: 'end', ran, total });
}

interface PlannedEntry extends Entry {
  readonly test: number;
}

/** Which tests are to run. A test is known by its place in `event.tests`. */
function planOf(filter = '') {
  const tests: string[] = [];
  const skipped: { test: string; reason: string }[] = [];
  let filtered = 0;
  const planned = groups.map((group) => {
    const only = group.tests.some(({ mode }) => mode === 'only');
    const entries: PlannedEntry[] = [];
    for (const entry of group.tests) {
      const name = group.name === '' ? entry.name : `${group.name}: ${entry.name}`;
      if (!name.toLowerCase().includes(filter.toLowerCase())) filtered++;
      else if (entry.mode === 'skip') skipped.push({ test: name, reason: 'test.skip' });
      else if (only && entry.mode !== 'only') skipped.push({ test: name, reason: 'another test has .only' });
      else entries.push({ ...entry, test: tests.push(name) - 1 });
    }
    return { group, entries };
  });
  return { groups: planned, event: { tests, skipped, filtered } };
}

/** Has uvu run one group; gives uvu's numbers: how many tests ran to their end, of how many. */
async function runGroup(group: Group, entries: readonly PlannedEntry[], world: World): Promise<[number, number]> {
  const { send, fail, guard, timeoutMs, leaks } = world;
  let skipReason: string | undefined;

  // uvu swallows what a hook throws (uvu 0.5.6: `return` inside `finally`), so it is reported before uvu sees it.
  const hook = (kind: string, callback: uvu.Callback) => async (state: uvu.Context) => {
    if (skipReason !== undefined) return;
    try {
      await guard(() => callback(state as Parameters<uvu.Callback>[0]), timeoutMs);
    } catch (error) {
      if (kind === 'before' && error instanceof Skip) {
        skipReason = error.message;
        return;
      }
      const during = kind.endsWith('each') ? ` of "${state['__test__']}"` : '';
      await fail(`${titleOf(group)}, ${kind} hook${during}`, failureOf(error));
      // After a throwing after.each uvu drops the suite's other tests, and a throwing `after` breaks uvu's own run.
      if (kind.startsWith('before')) throw failed;
    }
  };
  const wrapped = (entry: PlannedEntry) => async (state: uvu.Context) => {
    const { test } = entry;
    await send({ type: 'start', test });
    const begun = performance.now();
    const spentMs = () => performance.now() - begun;
    try {
      if (skipReason !== undefined) throw new Skip(skipReason);
      await guard(() => entry.handler(state as Parameters<uvu.Callback>[0]), timeoutMs);
      await send({ type: 'pass', test, ms: spentMs() });
    } catch (error) {
      if (error instanceof Skip) return send({ type: 'skip', test, reason: error.message, ms: spentMs() });
      await send({ type: 'fail', test, failure: failureOf(error), ms: spentMs() });
      throw failed;
    }
  };

  /** After the user's own hooks: ends what the fixtures have begun, and looks for what is left. */
  const settle = async (state: uvu.Context) => {
    try {
      await guard(clearStage, timeoutMs);
      await leaks?.after(`"${state['__test__']}"`);
    } catch (error) {
      await fail(`after "${state['__test__']}"`, failureOf(error));
    }
  };
  const real = uvu.suite('', group.state);
  group.state['__suite__'] = group.name;
  for (const callback of group.before) real.before(hook('before', callback));
  for (const callback of group.beforeEach) real.before.each(hook('before.each', callback));
  for (const callback of group.afterEach) real.after.each(hook('after.each', callback));
  if (leaks !== undefined) real.after.each(settle);
  for (const callback of group.after) real.after(hook('after', callback));
  for (const entry of entries) real(entry.name, wrapped(entry));
  const queue: Queued[] = [];
  Object.assign(globalThis, { UVU_QUEUE: [queue] });
  real.run();
  let ran = 0;
  let total = 0;
  for (const run of queue) {
    const [, numberRan, , numberTotal] = await run();
    ran += numberRan;
    total += numberTotal;
  }
  return [ran, total];
}

/** What `.run()` puts into uvu's queue: [errors or true, ran, skipped, total]. */
type Queued = () => Promise<[string | true, number, number, number]>;

/** uvu wants an Error with a name and a stack (null makes it forget the test); the true one was already sent. */
const failed = Object.assign(new Error('failed'), { stack: '' });

/** A failure that the runner itself has found: no stack. */
function verdict(message: string): Failure {
  return { message, stack: [] };
}

function titleOf(group: Group): string {
  return group.name === '' ? 'the suite without a name' : `the suite "${group.name}"`;
}
