// The handler `--exec-lines`: long-lived processes, each with one line of JSON in and one out for a message or a batch.

import { platform } from 'node:os';
import type { RecycleLimit } from '../config/recycle.ts';
import { MqError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { childEnvironment, type EnvironmentPlan } from './environment.ts';
import { findExecutable } from './executable.ts';
import type { Handler, HandlerWorld } from './handler.ts';
import { LinePool } from './line-pool.ts';
import { batchRequest, messageRequest } from './line-request.ts';

export interface ExecLinesPlan {
  /** The command and its arguments. */
  readonly execLines: readonly string[];
  /** The answer may hold a reply. */
  readonly isReply: boolean;
  /** What the environment of the processes is made of. */
  readonly environment: EnvironmentPlan;
  /** The most processes. */
  readonly processes: number;
  /** Milliseconds from the line in to the line out; undefined: no bound. */
  readonly timeoutMs: number | undefined;
  /** When a process is replaced. Default: never. */
  readonly recycleAfter?: RecycleLimit | undefined;
  /** Milliseconds without a first answer, after which a line says what to check. Default 10,000. */
  readonly noticeMs?: number;
  /** Milliseconds before the next process starts, after so many ends without an answer. Default `restartPause`. */
  readonly pauseMs?: (deaths: number) => number;
  readonly clock?: Clock;
}

/**
 * Starts the first process, and finds out whether it stays.
 * @throws {MqError} SYSTEM if the executable is missing or ends at once, USAGE if none is named.
 */
export async function makeExecLines(plan: ExecLinesPlan, world: HandlerWorld): Promise<Handler> {
  const [command = '', ...args] = plan.execLines;
  if (command === '' || plan.execLines.some((word) => word.includes('\0'))) {
    throw new MqError('USAGE', 'exec-lines needs a command', { hint: 'exec-lines COMMAND ARGUMENTS…' });
  }
  if (plan.recycleAfter && 'bytes' in plan.recycleAfter && platform() !== 'linux') {
    throw new MqError('USAGE', 'the memory of a process can be read on Linux only', {
      hint: '--recycle-after N: after N messages',
    });
  }
  const { cwd, stderr, graceMs, kill } = world;
  const env = childEnvironment(world.env, plan.environment);
  const file = findExecutable(plan.execLines, { folder: cwd, env });
  const pool = new LinePool(plan, { command, file, args, cwd, env, stderr, graceMs, kill });
  await pool.prove();
  const { isReply } = plan;
  return {
    prints: 'role',
    handle: async (message, context) => {
      const openStderr = () => world.stderrOf?.(message) ?? stderr;
      const [outcome] = await pool.handle({ ...messageRequest(message, isReply), openStderr }, context);
      return outcome as NonNullable<typeof outcome>;
    },
    handleBatch: (messages, context) => pool.handle(batchRequest(messages, isReply), context),
    close: () => pool.close(),
  };
}
