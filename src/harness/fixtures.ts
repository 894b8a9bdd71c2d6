// Implements the fixtures of `mq/test`: publish, receive, start roles, cause cluster faults, advance the clock. What a
// test starts is ended after the test.

import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { MqError } from '../errors.ts';
import * as polling from './eventually.ts';
import { checkArguments } from './fixtures/arguments.ts';
import { Inbox } from './fixtures/inbox.ts';
import type { Matcher } from './fixtures/matcher.ts';
import { type RoleOptions, type RoleProcess, type RunningRole, startRole } from './fixtures/role.ts';
import { traceRoute } from './fixtures/route-trace.ts';
import { type Body, messageOf, type SendOptions } from './fixtures/sent-message.ts';
import type {
  BrokerFaults,
  ClusterFaults,
  FaultControl,
  FileTarget,
  Published,
  ReceivedMessage,
  ReplayTo,
  Source,
} from './target.ts';
import { skip } from './test-file/skip.ts';

/** Everything that the fixtures have started and must stop. */
interface Started {
  readonly inboxes: Map<string, Promise<Inbox>>;
  readonly roles: Set<RoleProcess>;
}

interface FixtureState {
  readonly target: FileTarget;
  /** Started in a test or in a hook around each test. */
  readonly test: Started;
  /** Started in a `before` hook. It lasts until the suite ends. */
  readonly suite: Started;
  readonly published: Published[];
  isInTest: boolean;
  isFaulty: boolean;
}

let state: FixtureState | undefined;

/** Activates the fixtures for this target. */
export function openFixtures(target: FileTarget): void {
  const nothing = (): Started => ({ inboxes: new Map(), roles: new Set() });
  state = { target, test: nothing(), suite: nothing(), published: [], isInTest: false, isFaulty: false };
}

export function enterTest(): void {
  if (state === undefined) return;
  state.isInTest = true;
  state.target.faults?.begin();
}

/** Returns the number of faults that --chaos has caused in the test, and could have caused. Empty without --chaos. */
export function faultCount(): { readonly faults?: number; readonly chances?: number } {
  return state?.target.faults?.counts ?? {};
}

/** Returns the messages of the test that did not match the schema of their publication. */
export function contractFaults(): readonly string[] {
  return state?.target.faults?.contractFaults() ?? [];
}

/**
 * Ends what the test has started (roles, consumers, faults) and purges the queues, so that the next test does not
 * receive old messages. Returns `undefined` if there is nothing to do. Rejects if something does not end.
 */
export function leaveTest(): Promise<void> | undefined {
  if (state === undefined) return undefined;
  const { target, test, suite } = state;
  state.isInTest = false;
  state.published.length = 0;
  // A role ends more slowly if the broker blocks it.
  state.target.faults?.heal();
  const ending = end(state, test);
  const checking = target.faults?.checked();
  // It may reject while the roles end.
  checking?.catch(() => undefined);
  if (ending === undefined && checking === undefined && suite.inboxes.size === 0) return target.purge?.();
  return (async () => {
    await ending;
    await target.purge?.();
    // Inboxes are cleared after the queues, because they still receive messages that the queues have sent before.
    if (target.purge !== undefined)
      await Promise.all([...suite.inboxes.values()].map(async (one) => (await one).clear()));
    await checking;
  })();
}

/** Ends what the hooks of the suite have started. */
export function leaveSuite(): Promise<void> | undefined {
  return state === undefined ? undefined : end(state, state.suite);
}

/** Returns the last lines of stderr of each role of the test and its suite. */
export function roleOutput(): { readonly roles?: string } {
  const roles = state === undefined ? [] : [...state.suite.roles, ...state.test.roles];
  const texts = roles
    .filter((role) => role.stderr().trim() !== '')
    .map((role) => [`${role.label}:`, ...role.stderr().trimEnd().split('\n').slice(-mostRoleLines)].join('\n  '));
  return texts.length === 0 ? {} : { roles: stripVTControlCharacters(texts.join('\n')) };
}

const mostRoleLines = 40;

/** Returns the log of the cluster's nodes, or `undefined` without a cluster. */
export async function logsSince(date: Date): Promise<string | undefined> {
  return state?.target.cluster?.logs(date);
}

function end(here: FixtureState, started: Started): Promise<void> | undefined {
  return here.isFaulty || started.inboxes.size + started.roles.size > 0 ? endAll(here, started) : undefined;
}

async function endAll(here: FixtureState, { inboxes, roles }: Started): Promise<void> {
  const running = [...roles];
  const open = [...inboxes.values()];
  inboxes.clear();
  roles.clear();
  for (const role of running) role.kill();
  const killTimer = setTimeout(() => {
    for (const role of running) role.kill('SIGKILL');
  }, roleGraceMs);
  await Promise.all(running.map(({ ended }) => ended));
  clearTimeout(killTimer);
  if (here.isFaulty) await here.target.cluster?.heal();
  here.isFaulty = false;
  const requeues = here.target.purge === undefined;
  await Promise.all(open.map(async (inbox) => (await inbox.catch(() => undefined))?.close({ requeues })));
}

/** Milliseconds that a role has to exit after the test that started it. */
const roleGraceMs = 3_000;

function current(what: string): FixtureState {
  if (state !== undefined) return state;
  throw new Error(`${what} can only be used in a test or a hook that \`mq test\` runs`);
}

/** Returns the list to which a fixture adds what it starts now. */
function startedIn({ isInTest, test, suite }: FixtureState): Started {
  return isInTest ? test : suite;
}

/** The broker of this file, with the topology of rascal.json. */
export const broker = {
  /** Comma-separated addresses for a client. */
  get url(): string {
    return current('broker.url').target.urls.join(',');
  },
  /** One URL for each node. */
  get urls(): readonly string[] {
    return current('broker.urls').target.urls;
  },
  /** URLs of the management API, one for each node, with user and password. Empty without an API. */
  get managementUrls(): readonly string[] {
    return current('broker.managementUrls').target.managementUrls;
  },
  get vhost(): string {
    return current('broker.vhost').target.vhost;
  },
  get kind(): FileTarget['kind'] {
    return current('broker.kind').target.kind;
  },
};

/** Publishes a message and resolves when the broker has confirmed it. Throws on any other outcome. */
export function publish(publication: string, body: Body, options: SendOptions = {}): Promise<Published> {
  const { target, published } = current('publish');
  return withCallerStack(async () => {
    checkArguments('publish', [publication, body, options]);
    const message = messageOf(body, options);
    const sent = await (await target.client()).publish(publication, message);
    published.push(sent);
    return sent;
  });
}

/**
 * Publishes the messages of a recording (mq record), and returns their number. `path` starts at the current folder. On
 * the embedded broker the clock advances by the recorded pauses, with `within` as in `clock.advance`. Other brokers
 * receive the messages without pauses.
 */
export function replay(
  path: string,
  options: { readonly to?: ReplayTo; readonly schema?: boolean; readonly within?: number } = {},
): Promise<number> {
  const { target } = current('replay');
  return withCallerStack(async () => {
    checkArguments('replay', [path, options]);
    const { to, schema, within = clockMs } = options;
    const pause = async (milliseconds: number) => target.advance?.(milliseconds, within);
    return (await target.client()).replay(resolve(target.launch.cwd, path), { to, schema, pause });
  });
}

/** Sends a request and returns the reply. `within` is the time limit in milliseconds (default 5,000). */
export function request(
  publication: string,
  body: Body,
  options: SendOptions & { within?: number } = {},
): Promise<ReceivedMessage> {
  const { target } = current('request');
  return withCallerStack(async () => {
    checkArguments('request', [publication, body, options]);
    const { within = defaultMs, ...rest } = options;
    const message = messageOf(body, rest);
    return (await target.client()).request(publication, message, patient(within));
  });
}

/** Starts receiving before the first `expectMessage`. Needed for queues that exist only while a client consumes. */
export function listen(source: Source, options: { keys?: readonly string[] } = {}): Promise<void> {
  return withCallerStack(async () => {
    checkArguments('listen', [source, options]);
    await inboxOf(source, options, patient(defaultMs));
  });
}

/**
 * Waits for a matching message, acknowledges it and returns it. Earlier messages that do not match are kept for the
 * next call. `source` is a subscription or `{ queue }`; the queue may be declared while this waits. `within` is the
 * time limit in milliseconds (default 5,000).
 */
export function expectMessage(
  source: Source,
  matcher?: Matcher,
  options: { within?: number } = {},
): Promise<ReceivedMessage> {
  const { target } = current('expectMessage');
  return withCallerStack(async () => {
    checkArguments('expectMessage', [source, matcher, options]);
    const { within = defaultMs } = options;
    const message = await (await inboxOf(source, {}, patient(within))).expect(matcher, patient(within));
    await target.faults?.settled();
    return message;
  });
}

/** Like `eventually` of eventually.ts. Under faults, `check` must also hold after the roles have handled all messages. */
export async function eventually<T>(
  what: string,
  check: Parameters<typeof polling.eventually<T>>[1],
  options: Parameters<typeof polling.eventually<T>>[2] = {},
): Promise<T> {
  checkArguments('eventually', [what, check, options]);
  const patiently = { ...options, within: patient(options.within ?? clockMs) };
  const found = await polling.eventually(what, check, patiently);
  const wasDisturbed = (await state?.target.faults?.settled()) === true;
  return wasDisturbed ? polling.eventually(what, check, patiently) : found;
}

/** Returns the time limit in milliseconds. It is longer under `--chaos`. */
function patient(milliseconds: number): number {
  return milliseconds * (state?.target.faults?.patience ?? 1);
}

/** Waits for a dead letter of a role, a subscription or a queue, in the same way as `expectMessage`. */
export function deadLetter(
  name: string,
  matcher?: Matcher,
  options: { within?: number } = {},
): Promise<ReceivedMessage> {
  const { target } = current('deadLetter');
  return withCallerStack(async () => {
    checkArguments('deadLetter', [name, matcher, options]);
    return expectMessage(await (await target.client()).deadLettersOf(name), matcher, options);
  });
}

/**
 * Starts a role in a separate process. It is stopped after the test, or after the suite if a `before` hook started it.
 */
export function role(
  name: string,
  argsOrOptions: readonly string[] | RoleOptions = [],
  options: RoleOptions = {},
): Promise<RunningRole> {
  const here = current('role');
  const [args, more] = isList(argsOrOptions) ? [argsOrOptions, options] : [[], argsOrOptions];
  return withCallerStack(async () => {
    checkArguments('role', [name, argsOrOptions, options]);
    await here.target.faults?.checked();
    const { roles } = startedIn(here);
    return startRole(here.target, [name, ...args], more, (started) => roles.add(started));
  });
}

/** The broker's clock. If it cannot be advanced, the test is skipped. */
export const clock = {
  /**
   * Advances the time; timers fire in order. Before each step it waits until the consuming roles have handled their
   * messages. `within` is the time limit of each such wait in milliseconds (default 10,000); 0 does not wait.
   */
  advance: async (milliseconds: number, options: { within?: number } = {}): Promise<void> => {
    const { target } = current('clock.advance');
    checkArguments('clock.advance', [milliseconds, options]);
    const { within = clockMs } = options;
    if (target.advance === undefined) skip(`needs a broker whose clock can be advanced; the target is ${target.kind}`);
    await withCallerStack(async () => target.advance?.(milliseconds, within));
  },
};

/** Faults of the cluster. Without a cluster the test is skipped. All faults are undone after the test. */
export const cluster: ClusterFaults = new Proxy({} as ClusterFaults, {
  get(_, name) {
    // Printing the object or checking whether it is a promise must not count as a fault.
    if (typeof name === 'symbol' || name === 'then') return undefined;
    const here = current('cluster');
    const faults = here.target.cluster ?? skip(`needs a cluster in containers; the target is ${here.target.kind}`);
    if (!['nodes', 'logs', 'heal'].includes(name)) here.isFaulty = true;
    const member: unknown = Reflect.get(faults, name);
    if (typeof member !== 'function') return member;
    return (...values: unknown[]): unknown => {
      checkArguments(`cluster.${name}`, values);
      return Reflect.apply(member, faults, values);
    };
  },
});

/** Faults of the embedded broker. On another broker the test is skipped. All faults end with the test. */
export const faults: BrokerFaults = {
  redeliver: () => faultControl().redeliver(),
  crashBetween: (...between) => faultControl().crashBetween(...between),
  cut: () => faultControl().cut(),
  delay: (milliseconds) => faultControl().delay(milliseconds),
  refusePublish: () => faultControl().refusePublish(),
  full: (queue) => faultControl().full(queue),
  block: () => faultControl().block(),
};

function faultControl(): FaultControl {
  const { target } = current('faults');
  return target.faults ?? skip(`needs the faults of the embedded broker; the target is ${target.kind}`);
}

const defaultMs = 5_000;
/** Milliseconds to wait for the roles before a step of the clock. */
const clockMs = 10_000;

/** Adds the caller's stack frames to an error, because the error itself comes from a socket. */
async function withCallerStack<T>(work: () => Promise<T>): Promise<T> {
  const frames = String(new Error('here').stack).split('\n').slice(2);
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error) {
      const stack = String(error.stack);
      const further = frames.filter((frame) => !stack.includes(/(?<!\S)\S+:\d+:/.exec(frame)?.[0] ?? frame));
      error.stack = [stack, ...further].join('\n');
    }
    throw error;
  }
}

async function inboxOf(source: Source, { keys }: { keys?: readonly string[] }, withinMs: number): Promise<Inbox> {
  const here = current('expectMessage');
  const { target, published } = here;
  const name = typeof source === 'string' ? source : `queue ${source.queue}`;
  const known = here.suite.inboxes.get(name) ?? here.test.inboxes.get(name);
  if (known !== undefined) return known;
  const route = async () => {
    const content = await target.content().catch(() => undefined);
    return published.slice(-3).flatMap((sent) => traceRoute(sent, content));
  };
  const open = () => Inbox.open(target, { source, ...(keys && { keys }), route });
  const inbox = typeof source === 'string' ? open() : openWhenDeclared(source.queue, open, withinMs);
  const { inboxes } = startedIn(here);
  inboxes.set(name, inbox);
  // If the source cannot be opened, the next call tries again.
  inbox.catch(() => inboxes.delete(name));
  return inbox;
}

/** Opens a queue that may not exist yet: mq declares some dead-letter queues only with the first dead letter. */
async function openWhenDeclared(queue: string, open: () => Promise<Inbox>, withinMs: number): Promise<Inbox> {
  const end = performance.now() + withinMs;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof MqError) || error.code !== 'TOPOLOGY') throw error;
      if (performance.now() > end)
        throw new Error(`the queue "${queue}" did not exist within ${withinMs} ms`, { cause: error });
      await delay(missingQueueMs);
    }
  }
}

/** Milliseconds between two attempts to open a missing queue. */
const missingQueueMs = 25;

function isList(value: readonly string[] | RoleOptions): value is readonly string[] {
  return Array.isArray(value);
}
