// Picks and makes the handler that the configuration or the command line names; exec and module are loaded when asked for.

import type { Behaviour, ChildConfig, HandlerConfig } from '../config/config.ts';
import type { RecycleLimit } from '../config/recycle.ts';
import { MqError } from '../errors.ts';
import { batched } from './batch.ts';
import { makeEcho, makePrint, makeWork } from './builtin.ts';
import type { EnvironmentPlan } from './environment.ts';
import type { Handler, HandlerWorld } from './handler.ts';
import { safely } from './safely.ts';

/** A file to append to, relative to the world's cwd. */
export interface AppendConfig {
  readonly file: string;
  readonly timeout?: number;
}

export interface HandlerPlace {
  readonly behaviour: Behaviour;
  /** What the command line adds to the environment of a child. */
  readonly environment?: EnvironmentPlan;
  /** Calls of the handler at the same time: the most processes of exec-lines. Default 1. */
  readonly calls?: number;
  /** Several messages in one call. */
  readonly batch?: { readonly size: number; readonly waitMs: number };
  /** When a process of exec-lines is replaced. */
  readonly recycleAfter?: RecycleLimit;
}

/**
 * A handler that is ready for its first message, never throws, and keeps its deadline: the world's `timeoutMs` (the
 * command line's), else the configuration's `timeout`, else 25 minutes for code of the user.
 * @throws {MqError} if it cannot be made: CANNOT_CREATE (append), SYSTEM (exec), NO_INPUT or CONFIG (module), USAGE.
 */
export async function makeHandler(
  config: HandlerConfig | AppendConfig,
  world: HandlerWorld,
  place: HandlerPlace,
): Promise<Handler> {
  const handler = await pick(config, world, place);
  const timeoutMs = deadlineOf(config, world);
  // A child is killed and its output read before its handler can answer; the rest is only a safety net there.
  const patienceMs = 'exec' in config || 'execLines' in config ? world.graceMs + killMs : 0;
  // exec-lines has its own clock: the pause before a new process is no time of the message.
  const safe = safely(handler, { timeoutMs: 'execLines' in config ? undefined : timeoutMs, patienceMs });
  return place.batch ? batched(safe, { ...place.batch, calls: place.calls ?? 1 }) : safe;
}

const killMs = 5000;

/**
 * Milliseconds for one message in code of the user. RabbitMQ closes a channel, or cancels a consumer, that keeps a message
 * for 30 minutes (consumer_timeout), and other messages suffer too; mq gives up before.
 */
const defaultDeadlineMs = 25 * 60 * 1000;

/** Returns the milliseconds for one message; undefined: no bound. */
export function deadlineOf(config: HandlerConfig | AppendConfig, { timeoutMs }: HandlerWorld): number | undefined {
  const isOfUser = !('file' in config) && !('builtin' in config);
  return timeoutMs ?? config.timeout ?? (isOfUser ? defaultDeadlineMs : undefined);
}

async function pick(
  config: HandlerConfig | AppendConfig,
  world: HandlerWorld,
  { behaviour, environment = {}, calls = 1, batch, recycleAfter }: HandlerPlace,
): Promise<Handler> {
  const isReply = behaviour === 'reply';
  if ('file' in config) return (await import('./append.ts')).makeAppend(config.file, world);
  if ('exec' in config) {
    const { makeExec } = await import('./exec.ts');
    return makeExec({ exec: config.exec, isReply, environment: withOwn(environment, config) }, world);
  }
  if ('execLines' in config) {
    const { makeExecLines } = await import('./exec-lines.ts');
    return makeExecLines(
      {
        execLines: config.execLines,
        isReply,
        environment: withOwn(environment, config),
        processes: calls,
        timeoutMs: deadlineOf(config, world),
        recycleAfter,
      },
      world,
    );
  }
  if ('module' in config) {
    const { makeModule } = await import('./module.ts');
    return makeModule({ module: config.module, isReply, isBatch: batch !== undefined }, world);
  }
  switch (config.builtin) {
    case 'print':
      return makePrint();
    case 'work':
      return makeWork();
    case 'echo':
      return makeEcho();
    case 'fibonacci':
      return (await import('./fibonacci.ts')).makeFibonacci();
    case 'append':
      throw new MqError('USAGE', 'append needs a file to append to', { hint: 'append FILE' });
  }
}

/** `pass` holds the names of both the command line and rascal.json; either may ask for a clean environment. */
function withOwn({ isClean = false, pass = [] }: EnvironmentPlan, config: ChildConfig): EnvironmentPlan {
  return {
    isClean: isClean || (config.cleanEnv ?? false),
    pass,
    ...(config.env && { set: config.env }),
  };
}
