// The handler `--handler FILE`: runs the user's module inside the executable. What its function returns or throws
// becomes the outcome. module-load.ts loads the module.

import { Buffer } from 'node:buffer';
import { Console } from 'node:console';
import { resolve } from 'node:path';
import { format } from 'node:util';
import type { Output } from '../context.ts';
import { MqError } from '../errors.ts';
import {
  type Handler,
  type HandlerContext,
  type HandlerHost,
  type Message,
  type MessageFields,
  type MessageProperties,
  type Outcome,
  plainProperties,
  type Reply,
} from './handler.ts';
import { loadModule } from './module-load.ts';
import { isOutcomeWord, outcomeOfWord } from './outcome-word.ts';
import { write } from './process/output.ts';
import { thrownReason } from './reason.ts';
import { ack, repeated } from './safely.ts';

/** Argument of the user's function. It is frozen, and its body is a copy. */
export interface UserMessage {
  readonly body: Buffer;
  /** Body decoded as UTF-8. */
  readonly text: string;
  /** Parses the body as JSON. Throws if it is not valid JSON. */
  json(): unknown;
  readonly fields: Readonly<MessageFields>;
  readonly properties: Readonly<MessageProperties>;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly attempt: number;
}

export interface UserContext {
  /** Aborts when the handler must stop its work on the message. */
  readonly signal: AbortSignal;
  readonly attempt: number;
  /** Writes a line to stderr, as console.log formats the value. */
  log(value: unknown): void;
}

export type UserFunction = (message: UserMessage, context: UserContext) => unknown;
type UserBatchFunction = (messages: readonly UserMessage[], context: UserContext) => unknown;

export interface ModulePlan {
  /** Path as the user wrote it, relative to the host's cwd. */
  readonly module: string;
  /** `true` if the return value is the reply; otherwise it is only an outcome. */
  readonly isReply: boolean;
  /** `true` if mq calls the module's export `batch`. */
  readonly isBatch: boolean;
}

/**
 * Loads and runs the module before the first message.
 * @throws {MqError} NO_INPUT if the file cannot be read, CONFIG if it does not export a function.
 */
export async function makeModule(plan: ModulePlan, host: HandlerHost): Promise<Handler> {
  const { module, isReply, isBatch } = plan;
  const restore = redirectConsole(host);
  try {
    const loaded = await loadModule(resolve(host.cwd, module), module);
    const handling = isBatch
      ? batchHandling(batchFunctionOf(loaded.exports, module), isReply, host)
      : { handle: messageHandling(functionOf(loaded.exports, module), isReply, host) };
    const close = async () => {
      loaded.release();
      restore();
    };
    return { prints: 'role', ...handling, close };
  } catch (error) {
    restore();
    throw error;
  }
}

/** Makes the module's console write to the host's outputs: with --json, stdout has only JSON lines of mq. */
function redirectConsole({ stdout, stderr }: HandlerHost): () => void {
  const before = globalThis.console;
  globalThis.console = new Console({ stdout, stderr });
  return () => {
    globalThis.console = before;
  };
}

function messageHandling(run: UserFunction, isReply: boolean, host: HandlerHost): Handler['handle'] {
  const failed = (error: unknown): Outcome => ({ type: 'retry', reason: thrownReason(error) });
  return (message, given) => {
    const context = new CallContext(given, message.attempt, () => host.stderrOf?.(message) ?? host.stderr);
    try {
      const result = run(new ModuleMessage(message), context);
      if (!isThenable(result)) return outcomeOf(result, isReply);
      return Promise.resolve(result)
        .then((value) => outcomeOf(value, isReply))
        .catch(failed);
    } catch (error) {
      return failed(error);
    }
  };
}

function batchHandling(
  run: UserBatchFunction,
  isReply: boolean,
  host: HandlerHost,
): Pick<Handler, 'handle' | 'handleBatch'> {
  return {
    handle: async () => ({ type: 'retry', reason: 'the handler accepts only batches' }),
    handleBatch: async (messages, given) => {
      const attempt = Math.max(...messages.map((message) => message.attempt));
      const context = new CallContext(given, attempt, () => host.stderr);
      const result = await run(Object.freeze(messages.map((message) => new ModuleMessage(message))), context);
      return outcomesOf(result, { isReply, size: messages.length });
    },
  };
}

/** `stderrOf` is called only when the handler logs something, because a stream for each message is expensive. */
class CallContext implements UserContext {
  declare readonly signal: AbortSignal;
  readonly attempt: number;
  readonly log: UserContext['log'];
  readonly #given: HandlerContext;

  constructor(given: HandlerContext, attempt: number, stderrOf: () => Output) {
    this.#given = given;
    Object.defineProperty(this, 'signal', signalProperty);
    this.attempt = attempt;
    this.log = (value) => void write(stderrOf(), Buffer.from(`${format(value)}\n`));
    Object.freeze(this);
  }

  static signalOf(context: CallContext): AbortSignal {
    return context.#given.signal;
  }
}

const signalProperty = lazily((context: CallContext) => CallContext.signalOf(context));

/**
 * Returns an enumerable property of `this`, because a handler may copy the object with `{ ...message }`. Its objects share
 * the getter, because a getter for each object costs more than an empty handler.
 */
function lazily<T>(read: (object: T) => unknown): PropertyDescriptor & ThisType<T> {
  return {
    enumerable: true,
    get() {
      return read(this);
    },
  };
}

function isThenable(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  return 'then' in value && typeof value.then === 'function';
}

/** Returns the export `batch`. The default export is not used, because it expects one message and not a list. */
function batchFunctionOf(exports: unknown, module: string): UserBatchFunction {
  const batch = memberOf(exports, 'batch');
  if (isFunction<UserBatchFunction>(batch)) return batch;
  throw new MqError('CONFIG', `cannot use ${module} with --batch: it has no function named batch`, {
    hint: 'export const batch = async (messages, context) => { … }',
    at: module,
  });
}

/** Returns the default export, `module.exports`, or its `default`. */
function functionOf(exports: unknown, module: string): UserFunction {
  const value = memberOf(exports, 'default');
  // The last candidate is the default export of a CommonJS module that was compiled from an ES module.
  for (const candidate of [exports, value, memberOf(value, 'default')])
    if (isFunction<UserFunction>(candidate)) return candidate;
  throw new MqError('CONFIG', `cannot use ${module}: it has no function as its default export`, {
    hint: 'export default (message, context) => { … }',
    at: module,
  });
}

function memberOf(value: unknown, name: string): unknown {
  return Object(value)[name];
}

/** The user's function may have other parameters. mq cannot know them, so it checks only that it is a function. */
function isFunction<F extends UserFunction | UserBatchFunction>(value: unknown): value is F {
  return typeof value === 'function';
}

/** The message that the user's function receives. */
class ModuleMessage implements UserMessage {
  readonly body: Buffer;
  declare readonly text: string;
  readonly json: () => unknown;
  readonly fields: UserMessage['fields'];
  readonly properties: UserMessage['properties'];
  readonly headers: UserMessage['headers'];
  readonly attempt: number;

  constructor({ body, fields, properties, headers, attempt }: Message) {
    // The body is copied, because a handler that changes it must not change the message of the next attempt.
    const copy = Buffer.from(body);
    this.body = copy;
    Object.defineProperty(this, 'text', textProperty);
    this.json = () => JSON.parse(copy.toString('utf8'));
    this.fields = Object.freeze({ ...fields });
    this.properties = Object.freeze(plainProperties(properties));
    this.headers = Object.isFrozen(headers) ? headers : Object.freeze(Object.assign(Object.create(null), headers));
    this.attempt = attempt;
    Object.freeze(this);
  }
}

const textProperty = lazily(({ body }: ModuleMessage) => body.toString('utf8'));

function outcomeOf(result: unknown, isReply: boolean): Outcome {
  if (result === undefined || result === null) return ack;
  if (isBareObject(result) && typeof result['type'] === 'string') {
    const { type, reason, requeue } = result;
    if (type === 'ack') return isReply && 'reply' in result ? acked(result['reply']) : { type };
    if (isOutcomeWord(type)) return outcomeOfWord(type, { reason, requeue });
    // A misspelled outcome must not count as success.
    if (!isReply) return { type: 'retry', reason: `the handler returned an unknown outcome: ${type}` };
  }
  if (isReply) return acked(result);
  const mistaken = mistakenOutcome(result);
  return mistaken === undefined ? ack : { type: 'retry', reason: `the handler returned ${mistaken}` };
}

/** Describes a value that its author means as an outcome, in a form that mq does not read. It must not count as success. */
function mistakenOutcome(result: unknown): string | undefined {
  if (result instanceof Error) return `an error instead of throwing it: ${thrownReason(result)}`;
  const word = isBareObject(result) ? result['outcome'] : result;
  return isOutcomeWord(word) ? `the outcome ${word} in another form than { type: '${word}' }` : undefined;
}

/** Returns the outcomes of a batch: the items of a list in order, or one value for all messages. */
function outcomesOf(result: unknown, { isReply, size }: { isReply: boolean; size: number }): readonly Outcome[] {
  if (!Array.isArray(result)) return repeated(outcomeOf(result, isReply), size);
  if (result.length === size) return Array.from(result, (one) => ownOutcomeOf(one, isReply));
  const reason = `the handler returned ${result.length} outcomes for ${size} messages`;
  return repeated({ type: 'retry', reason }, size);
}

/** Returns the outcome of one message of a batch. An invalid value does not cost other messages an attempt. */
function ownOutcomeOf(result: unknown, isReply: boolean): Outcome {
  try {
    return outcomeOf(result, isReply);
  } catch (error) {
    return { type: 'retry', reason: thrownReason(error) };
  }
}

function isBareObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function acked(value: unknown): Outcome {
  const reply = value === undefined || value === null ? undefined : replyOf(value);
  return reply === undefined ? ack : { type: 'ack', reply };
}

/** Converts a value to a reply. Throws if it cannot be serialised: a function, a circular object. */
function replyOf(value: unknown): Reply {
  if (value instanceof Uint8Array) {
    const body = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { body, contentType: 'application/octet-stream' };
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') {
    return { body: Buffer.from(String(value)), contentType: 'text/plain' };
  }
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`the handler returned a ${typeof value}, which cannot be a reply`);
  return { body: Buffer.from(json), contentType: 'application/json' };
}
