// The handler `--exec`: runs one child process per message, without a shell. The body is its stdin, MQ_* variables and
// the JSON on descriptor 3 hold the rest, and its exit status is the outcome.

import { MqError } from '../errors.ts';
import { childEnvironment, type EnvironmentPlan } from './environment.ts';
import { messageJson, messageVariables } from './exec-message.ts';
import { cannotRun, findExecutable, locate, type ProgramContext } from './executable.ts';
import type { Handler, HandlerContext, HandlerWorld, Message, Outcome } from './handler.ts';
import { type ChildEnd, runChild, terminated } from './process/child.ts';
import { LineOutput, PieceWriter, ReplyOutput, type StdoutSink } from './process/output.ts';
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
  const [command = ''] = plan.exec;
  if (command === '' || plan.exec.some((word) => word.includes('\0'))) {
    throw new MqError('USAGE', 'exec requires a command', { hint: 'exec COMMAND ARGUMENTS…' });
  }
  return new ExecHandler(plan, world);
}

class ExecHandler implements Handler {
  readonly prints = 'handler';
  readonly #plan: ExecPlan;
  readonly #world: HandlerWorld;
  readonly #env: Readonly<Record<string, string>>;
  readonly #place: ProgramContext;
  readonly #file: string;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<Outcome>>();

  constructor(plan: ExecPlan, world: HandlerWorld) {
    this.#plan = plan;
    this.#world = world;
    this.#env = childEnvironment(world.env, plan.environment);
    this.#place = { folder: world.cwd, env: this.#env };
    this.#file = findExecutable(plan.exec, this.#place);
  }

  async handle(message: Message, context: HandlerContext): Promise<Outcome> {
    if (this.#closing.signal.aborted || context.signal.aborted) return handBack;
    const outcome = this.#run(message, context);
    this.#running.add(outcome);
    try {
      return await outcome;
    } finally {
      this.#running.delete(outcome);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.race([Promise.allSettled(this.#running), after(this.#world.graceMs)]);
  }

  async #run(message: Message, { signal }: HandlerContext): Promise<Outcome> {
    const { exec, isReply } = this.#plan;
    const { cwd, graceMs, kill } = this.#world;
    const [command = '', ...args] = exec;
    const stop = new AbortController();
    const sink = isReply ? new ReplyOutput() : new LineOutput(this.#world.stdout);
    const stderr = this.#world.stderrOf?.(message) ?? this.#world.stderr;
    const errors = new PieceWriter();
    const end = await runChild({
      file: this.#file,
      args,
      cwd,
      env: { ...this.#env, ...messageVariables(message) },
      stdin: message.body,
      descriptor3: messageJson(message),
      onStdout: (chunk) => receiveBy(sink, chunk, stop),
      onStderr: (chunk) => errors.write(stderr, chunk).then(ignore),
      signal: AbortSignal.any([signal, stop.signal]),
      killNow: this.#closing.signal,
      graceMs,
      kill,
    });
    await sink.end();
    await errors.end(stderr);
    if (stderr !== this.#world.stderr) stderr.end();
    return sink.failure ?? outcomeOf(end, { command, sink, fault: () => faultOf(exec, this.#place) });
  }
}

/** Passes output to the sink. If the sink fails, the child is stopped, because the rest of its output is not used. */
function receiveBy(sink: StdoutSink, chunk: Buffer, stop: AbortController): Promise<void> | undefined {
  return sink.receive(chunk)?.then(() => {
    if (sink.failure !== undefined) stop.abort();
  });
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

function faultOf(words: readonly string[], place: ProgramContext): string | undefined {
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
