// Creates the handler that the configuration or the command line names. The code of most handlers is loaded only when
// it is needed.

import type { Behaviour, ChildConfig, HandlerConfig } from '../config/role.ts';
import type { RecycleLimit } from '../config/size.ts';
import { MqError } from '../errors.ts';
import { batched } from './batch.ts';
import { makeEcho, makePrint, makeWork } from './builtin.ts';
import type { EnvironmentPlan } from './environment.ts';
import type { Handler, HandlerHost } from './handler.ts';
import { safely } from './safely.ts';

/** Settings of `append`: a file, relative to the host's cwd. */
export interface AppendConfig {
  readonly file: string;
  readonly timeout?: number;
}

export interface HandlerOptions {
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
 * host's `timeoutMs` (from the command line), otherwise the configuration's `timeout`, otherwise 25 minutes for user
 * code.
 * @throws {MqError} if it cannot be created: CANNOT_CREATE (append), SYSTEM (exec), NO_INPUT or CONFIG (module), USAGE.
 */
export async function makeHandler(
  config: HandlerConfig | AppendConfig,
  host: HandlerHost,
  options: HandlerOptions,
): Promise<Handler> {
  const handler = await pick(config, host, options);
  const timeoutMs = deadlineOf(config, host);
  // A child must be killed and its output read before its handler can answer. For a child, the deadline of `safely` is
  // only a safety net.
  const abortGraceMs = 'exec' in config || 'execLines' in config ? host.graceMs + killMs : 0;
  // exec-lines enforces its own deadline, because the pause before a new process does not count.
  const safe = safely(handler, { timeoutMs: 'execLines' in config ? undefined : timeoutMs, abortGraceMs });
  return options.batch ? batched(safe, { ...options.batch, calls: options.calls ?? 1 }) : safe;
}

const killMs = 5000;

/**
 * Deadline of user code for one message. If a message is not acknowledged for 30 minutes (consumer_timeout), RabbitMQ
 * closes the channel or cancels the consumer, which also affects other messages. mq stops the handler before that.
 */
const defaultDeadlineMs = 25 * 60 * 1000;

/** Returns the time limit for one message in milliseconds, or `undefined` for no limit. */
export function deadlineOf(config: HandlerConfig | AppendConfig, { timeoutMs }: HandlerHost): number | undefined {
  const isOfUser = !('file' in config) && !('builtin' in config);
  return timeoutMs ?? config.timeout ?? (isOfUser ? defaultDeadlineMs : undefined);
}

async function pick(
  config: HandlerConfig | AppendConfig,
  host: HandlerHost,
  options: HandlerOptions,
): Promise<Handler> {
  const isReply = options.behaviour === 'reply';
  if ('file' in config) return (await import('./append.ts')).makeAppend(config.file, host);
  if ('exec' in config || 'execLines' in config) return makeProgram(config, host, options);
  if ('module' in config) {
    const { makeModule } = await import('./module.ts');
    return makeModule({ module: config.module, isReply, isBatch: options.batch !== undefined }, host);
  }
  return makeBuiltin(config.builtin);
}

async function makeProgram(
  config: Extract<HandlerConfig, ChildConfig>,
  host: HandlerHost,
  { behaviour, environment = {}, calls = 1, recycleAfter }: HandlerOptions,
): Promise<Handler> {
  const common = { isReply: behaviour === 'reply', environment: withOwn(environment, config) };
  if ('exec' in config) return (await import('./exec.ts')).makeExec({ exec: config.exec, ...common }, host);
  const { makeExecLines } = await import('./exec-lines.ts');
  const timeoutMs = deadlineOf(config, host);
  return makeExecLines({ execLines: config.execLines, ...common, processes: calls, timeoutMs, recycleAfter }, host);
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

/** Adds the environment settings of the configuration to those of the command line. `pass` already contains both. */
function withOwn({ isClean = false, pass = [] }: EnvironmentPlan, config: ChildConfig): EnvironmentPlan {
  return {
    isClean: isClean || (config.cleanEnv ?? false),
    pass,
    ...(config.env && { set: config.env }),
  };
}
