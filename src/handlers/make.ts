// Creates the handler that the configuration or the command line names. exec and module are loaded only when needed.

import type { Behaviour, ChildConfig, HandlerConfig } from '../config/role.ts';
import type { RecycleLimit } from '../config/size.ts';
import { MqError } from '../errors.ts';
import { batched } from './batch.ts';
import { makeEcho, makePrint, makeWork } from './builtin.ts';
import type { EnvironmentPlan } from './environment.ts';
import type { Handler, HandlerWorld } from './handler.ts';
import { safely } from './safely.ts';

/** Settings of `append`: a file, relative to the world's cwd. */
export interface AppendConfig {
  readonly file: string;
  readonly timeout?: number;
}

export interface HandlerPlace {
  readonly behaviour: Behaviour;
  /** Environment settings of the command line for a child process. */
  readonly environment?: EnvironmentPlan;
  /** Maximum number of concurrent calls, and of exec-lines processes. Default 1. */
  readonly calls?: number;
  /** Settings for several messages in one call. */
  readonly batch?: { readonly size: number; readonly waitMs: number };
  /** Limit after which an exec-lines process is replaced. */
  readonly recycleAfter?: RecycleLimit;
}

/**
 * Returns a handler that is ready for its first message, never throws, and enforces its deadline. The deadline is the
 * world's `timeoutMs` (from the command line), otherwise the configuration's `timeout`, otherwise 25 minutes for user
 * code.
 * @throws {MqError} if it cannot be created: CANNOT_CREATE (append), SYSTEM (exec), NO_INPUT or CONFIG (module), USAGE.
 */
export async function makeHandler(
  config: HandlerConfig | AppendConfig,
  world: HandlerWorld,
  place: HandlerPlace,
): Promise<Handler> {
  const handler = await pick(config, world, place);
  const timeoutMs = deadlineOf(config, world);
  // A child must be killed and its output read before its handler can answer. For a child, the deadline of `safely` is
  // only a safety net.
  const patienceMs = 'exec' in config || 'execLines' in config ? world.graceMs + killMs : 0;
  // exec-lines enforces its own deadline, because the pause before a new process does not count.
  const safe = safely(handler, { timeoutMs: 'execLines' in config ? undefined : timeoutMs, patienceMs });
  return place.batch ? batched(safe, { ...place.batch, calls: place.calls ?? 1 }) : safe;
}

const killMs = 5000;

/**
 * Deadline of user code for one message. RabbitMQ closes a channel, or cancels a consumer, that holds a message for 30
 * minutes (consumer_timeout), and that affects other messages too. mq stops the handler earlier.
 */
const defaultDeadlineMs = 25 * 60 * 1000;

/** Returns the time limit for one message in milliseconds, or `undefined` for no limit. */
export function deadlineOf(config: HandlerConfig | AppendConfig, { timeoutMs }: HandlerWorld): number | undefined {
  const isOfUser = !('file' in config) && !('builtin' in config);
  return timeoutMs ?? config.timeout ?? (isOfUser ? defaultDeadlineMs : undefined);
}

async function pick(config: HandlerConfig | AppendConfig, world: HandlerWorld, place: HandlerPlace): Promise<Handler> {
  const isReply = place.behaviour === 'reply';
  if ('file' in config) return (await import('./append.ts')).makeAppend(config.file, world);
  if ('exec' in config || 'execLines' in config) return makeProgram(config, world, place);
  if ('module' in config) {
    const { makeModule } = await import('./module.ts');
    return makeModule({ module: config.module, isReply, isBatch: place.batch !== undefined }, world);
  }
  return makeBuiltin(config.builtin);
}

async function makeProgram(
  config: Extract<HandlerConfig, ChildConfig>,
  world: HandlerWorld,
  { behaviour, environment = {}, calls = 1, recycleAfter }: HandlerPlace,
): Promise<Handler> {
  const common = { isReply: behaviour === 'reply', environment: withOwn(environment, config) };
  if ('exec' in config) return (await import('./exec.ts')).makeExec({ exec: config.exec, ...common }, world);
  const { makeExecLines } = await import('./exec-lines.ts');
  const timeoutMs = deadlineOf(config, world);
  return makeExecLines({ execLines: config.execLines, ...common, processes: calls, timeoutMs, recycleAfter }, world);
}

type BuiltinName = Extract<HandlerConfig, { readonly builtin: string }>['builtin'];

async function makeBuiltin(name: BuiltinName): Promise<Handler> {
  switch (name) {
    case 'print':
      return makePrint();
    case 'work':
      return makeWork();
    case 'echo':
      return makeEcho();
    case 'fibonacci':
      return (await import('./fibonacci.ts')).makeFibonacci();
    case 'append':
      throw new MqError('USAGE', 'append requires a file', { hint: 'append FILE' });
  }
}

/** Merges environment settings. `pass` already contains all names; both sources can request a clean environment. */
function withOwn({ isClean = false, pass = [] }: EnvironmentPlan, config: ChildConfig): EnvironmentPlan {
  return {
    isClean: isClean || (config.cleanEnv ?? false),
    pass,
    ...(config.env && { set: config.env }),
  };
}
