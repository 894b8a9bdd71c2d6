// The handler `--exec-lines`: long-lived processes. For each message or batch, mq writes one line of JSON and reads one
// line of JSON.

import { platform } from 'node:os';
import { MqError } from '../errors.ts';
import { childEnvironment, type EnvironmentPlan } from './environment.ts';
import { findExecutable } from './executable.ts';
import type { Handler, HandlerHost } from './handler.ts';
import { LinePool, type LinePoolPlan } from './lines/pool.ts';
import { batchRequest, messageRequest } from './lines/request.ts';
import { openPosixSpawn } from './process/posix-spawn.ts';
import { handBack } from './safely.ts';

export interface ExecLinesPlan extends LinePoolPlan {
  /** The command and its arguments. */
  readonly execLines: readonly string[];
  /** `true` if the role replies, so that an answer may contain a reply. */
  readonly isReply: boolean;
  /** Settings for the environment of the processes. */
  readonly environment: EnvironmentPlan;
}

/**
 * Starts the first process and checks that it keeps running.
 * @throws {MqError} SYSTEM if the executable is missing or exits at once, USAGE if no command is given.
 */
export async function makeExecLines(plan: ExecLinesPlan, host: HandlerHost): Promise<Handler> {
  const [command = '', ...args] = plan.execLines;
  if (command === '' || plan.execLines.some((word) => word.includes('\0'))) {
    throw new MqError('USAGE', 'exec-lines requires a command', { hint: '--exec-lines CMD ARGS…' });
  }
  if (plan.recycleAfter && 'bytes' in plan.recycleAfter && platform() !== 'linux') {
    throw new MqError('USAGE', 'mq can measure the memory of a process only on Linux', {
      hint: '--recycle-after N counts messages instead',
    });
  }
  const { cwd, stderr, graceMs, kill, spawn } = host;
  const env = childEnvironment(host.env, plan.environment);
  const file = findExecutable(plan.execLines, { folder: cwd, env });
  const posixSpawn = host.native && openPosixSpawn(host.native, env);
  const pool = new LinePool(plan, { command, file, args, cwd, env, stderr, graceMs, kill, spawn, posixSpawn });
  try {
    await pool.checkStart();
  } catch (error) {
    posixSpawn?.close();
    throw error;
  }
  const { isReply } = plan;
  return {
    prints: 'role',
    handle: async (message, context) => {
      const openStderr = () => host.stderrOf?.(message) ?? stderr;
      const [outcome = handBack] = await pool.handle(messageRequest(message, isReply, openStderr), context);
      return outcome;
    },
    handleBatch: (messages, context) => pool.handle(batchRequest(messages, isReply), context),
    close: async () => {
      await pool.close();
      posixSpawn?.close();
    },
  };
}
