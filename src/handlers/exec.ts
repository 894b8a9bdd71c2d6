// The handler `--exec`: runs one child process per message, without a shell. The body is its stdin, MQ_* variables and
// the JSON on descriptor 3 hold the rest, and its exit status is the outcome.

import { MqError } from '../errors.ts';
import { childEnvironment, type EnvironmentPlan } from './environment.ts';
import { messageJson, messageVariables } from './exec-message.ts';
import { cannotRun, findExecutable, locate, type Place } from './executable.ts';
import type { Handler, HandlerContext, HandlerWorld, Message, Outcome } from './handler.ts';
import { type ChildEnd, runChild, type Take, terminated } from './process/child.ts';
import { lineOutput, PieceWriter, replyOutput, type StdoutSink } from './process/output.ts';
import { systemReason } from './reason.ts';
import { handBack, stopped } from './safely.ts';

export interface ExecPlan {
  /** The command and its arguments. */
  readonly exec: readonly string[];
  /** If `true`, the child's stdout is the reply; otherwise mq prints it. */
  readonly isReply: boolean;
  /** Settings for the child's environment. */
  readonly environment: EnvironmentPlan;
}

/**
 * Finds the executable and returns the handler.
 * @throws {MqError} SYSTEM if the executable is missing or may not be executed, USAGE if no command is given.
 */
export async function makeExec(plan: ExecPlan, world: HandlerWorld): Promise<Handler> {
  const [command = '', ...args] = plan.exec;
  if (command === '' || plan.exec.some((word) => word.includes('\0'))) {
    throw new MqError('USAGE', 'exec needs a command', { hint: 'exec COMMAND ARGUMENTS…' });
  }
  const inherited = childEnvironment(world.env, plan.environment);
  const place = { folder: world.cwd, env: inherited };
  const file = findExecutable(plan.exec, place);
  const closing = new AbortController();
  const running = new Set<Promise<Outcome>>();

  async function run(message: Message, { signal }: HandlerContext): Promise<Outcome> {
    const stop = new AbortController();
    const sink = plan.isReply ? replyOutput() : lineOutput(world.stdout);
    const onStdout: Take = (chunk) => {
      const taken = sink.take(chunk);
      // The child is stopped, because the rest of its output is not used.
      return taken?.then(() => {
        if (sink.failure !== undefined) stop.abort();
      });
    };
    const stderr = world.stderrOf?.(message) ?? world.stderr;
    const errors = new PieceWriter();
    const end = await runChild({
      file,
      args,
      cwd: world.cwd,
      env: { ...inherited, ...messageVariables(message) },
      stdin: message.body,
      descriptor3: messageJson(message),
      onStdout,
      onStderr: (chunk) => errors.write(stderr, chunk).then(ignore),
      signal: AbortSignal.any([signal, stop.signal]),
      killNow: closing.signal,
      graceMs: world.graceMs,
      kill: world.kill,
    });
    await sink.end();
    await errors.end(stderr);
    if (stderr !== world.stderr) stderr.end();
    return sink.failure ?? outcomeOf(end, { command, sink, fault: () => faultOf(plan.exec, place) });
  }

  return {
    prints: 'handler',
    handle: async (message, context) => {
      if (closing.signal.aborted || context.signal.aborted) return handBack;
      const outcome = run(message, context);
      running.add(outcome);
      try {
        return await outcome;
      } finally {
        running.delete(outcome);
      }
    },
    close: async () => {
      closing.abort();
      await Promise.race([Promise.allSettled(running), after(world.graceMs)]);
    },
  };
}

interface Ending {
  readonly command: string;
  readonly sink: StdoutSink;
  /** Returns why the program can no longer start, if mq can find the reason. */
  readonly fault: () => string | undefined;
}

function outcomeOf(end: ChildEnd, ending: Ending): Outcome {
  switch (end.type) {
    case 'exit':
      return outcomeOfStatus(end.status, ending);
    case 'signal':
      return { type: 'retry', reason: `signal ${end.signal}`, ...terminated(end) };
    case 'stopped':
      return handBack;
    case 'not started':
      return outcomeOfRefusal(end.error, ending);
  }
}

/**
 * Maps an exit status to an outcome. Statuses 3 to 6 are those of rabbitmq-cli-consumer; 75 is EX_TEMPFAIL of sysexits.
 */
function outcomeOfStatus(status: number, { command, sink }: Ending): Outcome {
  const reason = `exit status ${status}`;
  switch (status) {
    case 0:
      return sink.reply === undefined ? { type: 'ack' } : { type: 'ack', reply: { body: sink.reply } };
    case 3:
    case 5:
      return { type: 'dead-letter', reason };
    case 4:
    case 6:
      return { type: 'requeue', reason };
    case 79:
      return { type: 'stop', error: stopped(`${command} ended with ${reason}`) };
    case 126:
    case 127:
      return { type: 'stop', error: cannotRun(command, status) };
    default:
      return { type: 'retry', reason, ...terminated({ type: 'exit', status }) };
  }
}

function outcomeOfRefusal(error: NodeJS.ErrnoException, { command, fault }: Ending): Outcome {
  const reason = `cannot run ${command}: ${systemReason(error)}`;
  switch (error.code) {
    case 'EAGAIN':
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOMEM':
      return { type: 'retry', reason };
    case 'E2BIG':
      return { type: 'dead-letter', reason };
    default:
      // The executable or the working folder no longer exists, so no message can be handled.
      return { type: 'stop', error: new MqError('SYSTEM', fault() ?? reason, { at: command, cause: error }) };
  }
}

function faultOf(words: readonly string[], place: Place): string | undefined {
  const found = locate(words, place);
  return typeof found === 'string' ? undefined : found.message;
}

/** Resolves after a delay. The timer does not keep mq running. */
function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}

function ignore(): void {}
