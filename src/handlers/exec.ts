// The handler `--exec`: runs one child process per message, without a shell. The child receives the body on stdin, and
// the rest of the message as MQ_* variables and as JSON on descriptor 3. Its exit status is the outcome.

import { MqError } from '../errors.ts';
import { pause, time } from '../time.ts';
import { childEnvironment, type EnvironmentPlan } from './environment.ts';
import { messageJson, messageVariables } from './exec-message.ts';
import { cannotRun, findExecutable, locate, type ProgramContext } from './executable.ts';
import type { Handler, HandlerContext, HandlerHost, Message, Outcome } from './handler.ts';
import { type RunningChild, runChild } from './process/child.ts';
import { type ChildEnd, terminated } from './process/child-end.ts';
import { ErrorOutput, LineOutput, ReplyOutput, type StdoutSink } from './process/output.ts';
import type { OnChunk } from './process/output-reader.ts';
import { openPosixSpawn, type PosixSpawn } from './process/posix-spawn.ts';
import { Shortage } from './process/shortage.ts';
import { systemReason } from './reason.ts';
import { handBack, isPastDeadline, stoppedError } from './safely.ts';

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
export async function makeExec(plan: ExecPlan, host: HandlerHost): Promise<Handler> {
  const [command = ''] = plan.exec;
  if (command === '' || plan.exec.some((word) => word.includes('\0'))) {
    throw new MqError('USAGE', 'exec requires a command', { hint: '--exec CMD ARGS…' });
  }
  return new ExecHandler(plan, host);
}

class ExecHandler implements Handler {
  readonly prints = 'handler';
  readonly #plan: ExecPlan;
  readonly #host: HandlerHost;
  readonly #env: Readonly<Record<string, string>>;
  readonly #programContext: ProgramContext;
  readonly #file: string;
  readonly #posixSpawn: PosixSpawn | undefined;
  readonly #shortage: Shortage;
  readonly #running = new Set<RunningChild>();
  #isClosing = false;
  /** Called when no child is running. */
  #onIdle: (() => void) | undefined;

  constructor(plan: ExecPlan, host: HandlerHost) {
    this.#plan = plan;
    this.#host = host;
    this.#env = childEnvironment(host.env, plan.environment);
    this.#programContext = { folder: host.cwd, env: this.#env };
    this.#file = findExecutable(plan.exec, this.#programContext);
    this.#posixSpawn = host.native && openPosixSpawn(host.native, this.#env);
    this.#shortage = new Shortage(plan.exec[0] ?? '', host.stderr);
  }

  async handle(message: Message, context: HandlerContext): Promise<Outcome> {
    if (this.#isClosing || context.signal.aborted) return handBack;
    return this.#run(message, context);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#shortage.close();
    for (const child of this.#running) child.killNow();
    if (this.#running.size > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      await Promise.race([idle, pause(this.#host.graceMs, { ref: false })]);
    }
    this.#posixSpawn?.close();
  }

  /** Runs a process for the message. Waits if the machine of mq cannot start one now. */
  async #run(message: Message, context: HandlerContext): Promise<Outcome> {
    const { signal } = context;
    const begunAt = time.now();
    if (this.#shortage.isWaiting) await this.#shortage.turn(signal, false);
    for (;;) {
      const stop: Outcome | undefined = this.#shortage.error && { type: 'stop', error: this.#shortage.error };
      if (this.#isClosing || (signal.aborted && !isPastDeadline(signal))) return handBack;
      // A process that starts now would have no deadline.
      if (stop && signal.aborted) return stop;
      const waitedMs = time.now() - begunAt;
      const outcome = await this.#runOnce(message, context);
      if (!(outcome instanceof MqError)) {
        this.#shortage.freed();
        // The wait, and not the message, is the cause if it took more than half of the time.
        const isTooLate = isPastDeadline(signal) && outcome === handBack && 2 * waitedMs > (this.#host.timeoutMs ?? 0);
        return stop && isTooLate ? stop : outcome;
      }
      await this.#shortage.turn(signal, true);
    }
  }

  /** Returns the outcome, or the error if there are too few resources to start a process. */
  async #runOnce(message: Message, { signal }: HandlerContext): Promise<Outcome | MqError> {
    const { exec, isReply } = this.#plan;
    const [command = ''] = exec;
    const sink = isReply ? new ReplyOutput() : new LineOutput(this.#host.stdout);
    const errors = new ErrorOutput(() => this.#host.stderrOf?.(message), this.#host.stderr);
    const child: RunningChild = this.#start(message, {
      onStdout: (chunk) => receiveBy(sink, chunk, child),
      onStderr: (chunk) => errors.write(chunk),
    });
    this.#running.add(child);
    const stop = () => child.stop();
    signal.addEventListener('abort', stop, { once: true });
    const end = await child.ended;
    signal.removeEventListener('abort', stop);
    await sink.end();
    await errors.end();
    this.#running.delete(child);
    if (this.#running.size === 0) this.#onIdle?.();
    const shortage = this.#shortage.errorOf(end);
    if (shortage) return shortage;
    return sink.failure ?? outcomeOf(end, { command, sink, fault: () => faultOf(exec, this.#programContext) });
  }

  #start(message: Message, listeners: { onStdout: OnChunk; onStderr: OnChunk }): RunningChild {
    const { cwd, graceMs, kill, spawn } = this.#host;
    return runChild({
      file: this.#file,
      args: this.#plan.exec.slice(1),
      cwd,
      env: this.#env,
      variables: messageVariables(message),
      stdin: message.body,
      descriptor3: messageJson(message),
      ...listeners,
      spawn,
      posixSpawn: this.#posixSpawn,
      graceMs,
      kill,
    });
  }
}

/** Passes output to the sink. If the sink fails, the child is stopped, because the rest of its output is not used. */
function receiveBy(sink: StdoutSink, chunk: Buffer, child: RunningChild): Promise<void> | undefined {
  return sink.receive(chunk)?.then(() => {
    if (sink.failure !== undefined) child.stop();
  });
}

interface Ending {
  readonly command: string;
  readonly sink: StdoutSink;
  /** Returns the reason why the program can no longer start, or `undefined` if mq does not find it. */
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
      return outcomeOfStartError(end.error, ending);
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
      return { type: 'stop', error: stoppedError(`${command} ended with ${reason}`) };
    case 126:
    case 127:
      return { type: 'stop', error: cannotRun(command, status) };
    default:
      return { type: 'retry', reason, ...terminated({ type: 'exit', status }) };
  }
}

function outcomeOfStartError(error: NodeJS.ErrnoException, { command, fault }: Ending): Outcome {
  const reason = `cannot run ${command}: ${systemReason(error)}`;
  switch (error.code) {
    case 'E2BIG':
      return { type: 'dead-letter', reason };
    default:
      // The executable or the working folder no longer exists, so no message can be handled.
      return { type: 'stop', error: new MqError('SYSTEM', fault() ?? reason, { at: command, cause: error }) };
  }
}

function faultOf(words: readonly string[], context: ProgramContext): string | undefined {
  const found = locate(words, context);
  return typeof found === 'string' ? undefined : found.message;
}
