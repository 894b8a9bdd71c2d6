// The behaviour `request`: sends requests, several at once, and prints the replies in the order of the requests.

import type { Context, Say } from '../context.ts';
import { checkedRequester } from '../contracts/checked-sending.ts';
import type { Contract } from '../contracts/contracts.ts';
import { asMqError, MqError } from '../errors.ts';
import { messageParts } from '../handlers/exec-message.ts';
import type { Requester } from '../session/requester.ts';
import type { Destination, Session } from '../session/session.ts';
import type { Properties, RawMessage } from '../session/wire.ts';
import { interrupted, orDrain } from '../signal.ts';
import { isClosedPipe, Printer } from '../terminal/printer.ts';
import { bodies, type Input } from './input.ts';
import { headerNames, messageOf } from './message.ts';
import { messageIds, outgoing } from './outgoing.ts';
import { Pace } from './pace.ts';

export interface RequestSettings {
  readonly publication: string;
  readonly input: Input;
  readonly routingKey: string | undefined;
  readonly properties: Properties;
  readonly persistent: boolean | undefined;
  /** Maximum number of outstanding requests. */
  readonly window: number;
  /** Milliseconds between two requests. `undefined` means no limit. */
  readonly intervalMs: number | undefined;
  readonly replyTimeoutMs: number;
  /** `true` uses a queue for the replies instead of direct reply-to. */
  readonly ownQueue: boolean;
  /** The schema of the requests, if rascal.json names one. */
  readonly contract?: Contract | undefined;
  readonly json: boolean;
  readonly say: Say;
}

type Answer = { readonly reply: RawMessage } | { readonly error: MqError };

/** Resolves when every request has its reply. Throws the first failure after the others have been tried. */
export async function request(context: Context, session: Session, settings: RequestSettings): Promise<void> {
  const opened = await orDrain(session.requester(settings.publication, settings), context);
  if (!opened) throw interrupted(context, 'nothing was sent');
  const { requester, destination } = opened.value;
  const { contract } = settings;
  const checked = contract ? checkedRequester(requester, contract) : requester;
  const results = new Results(context, settings);
  void requester.failed.then((error) => results.end(error));
  const onAbandon = () => session.abort(interrupted(context, 'requests without a reply may have been handled'));
  context.abandon.addEventListener('abort', onAbandon, { once: true });
  try {
    await requestAll({ context, requester: checked, destination, results, settings });
  } catch (error) {
    if (isClosedPipe(error)) return;
    throw error;
  } finally {
    context.abandon.removeEventListener('abort', onAbandon);
  }
  results.finish();
}

interface Requesting {
  readonly context: Context;
  readonly requester: Pick<Requester, 'request'>;
  readonly destination: Destination;
  readonly results: Results;
  readonly settings: RequestSettings;
}

/**
 * Sends the requests of the input. Prints an answer as soon as it and all earlier ones have arrived. When the window is
 * full, it waits for the oldest answer.
 */
async function requestAll({ context, requester, destination, results, settings }: Requesting): Promise<void> {
  const requestOf = outgoing({ destination, nextId: messageIds(), ...settings, mandatory: true });
  // When no more replies can arrive, mq stops reading, because the rest of the input may never arrive.
  const drain = AbortSignal.any([context.drain, results.ended]);
  const pace = new Pace(settings.intervalMs);
  const unshown: Promise<void>[] = [];
  let last = Promise.resolve();
  for await (const batch of bodies(settings.input, { ...context, drain })) {
    for (const body of batch) {
      await pace.wait(drain);
      pace.begin();
      if (drain.aborted || results.mustStop) break;
      results.attempted += 1;
      const answer: Promise<Answer> = requester.request(requestOf(body)).then(
        (reply) => ({ reply }),
        (error: unknown) => ({ error: asMqError(error) }),
      );
      last = last.then(async () => results.show(await answer));
      last.catch(() => undefined); // it is awaited below
      unshown.push(last);
      if (unshown.length >= settings.window) await unshown.shift();
    }
  }
  await last;
}

/** Prints the answers and keeps the failures. */
class Results {
  readonly #context: Context;
  readonly #settings: RequestSettings;
  readonly #printer: Printer;
  readonly #failures: MqError[] = [];
  readonly #ended = new AbortController();
  #end: MqError | undefined;
  attempted = 0;

  constructor(context: Context, settings: RequestSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#printer = new Printer(context.stdout);
  }

  /** `true` if a request failed for a reason that affects all later ones. */
  get mustStop(): boolean {
    return this.#failures.some(affectsAllRequests);
  }

  /** Aborts when nothing can be requested any more. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  end(error: MqError): void {
    this.#end = error;
    this.#ended.abort();
  }

  async show(answer: Answer): Promise<void> {
    const { json, input, say } = this.#settings;
    const failure = 'error' in answer ? answer.error : refusalOf(answer.reply);
    if (failure) this.#failures.push(failure);
    if (json)
      await this.#printer.json(
        'error' in answer
          ? failureJson(answer.error)
          : { ...messageParts(messageOf(answer.reply, '')), error: failure?.message },
      );
    else if (!failure && 'reply' in answer) await this.#printer.body(answer.reply.content);
    else if (failure && input.from === 'lines')
      say({ level: 'warn', event: 'failed', message: failure.message, fields: { code: failure.code } });
  }

  /** Throws the first failure, or the interruption of a run that did not send its whole input. */
  finish(): void {
    const [first] = this.#failures;
    if (first && this.attempted === 1) throw first;
    if (first) {
      const count = `${this.#failures.length} of ${this.attempted} requests failed`;
      throw new MqError(first.code, `${count}; the first: ${first.message}`, {
        ...(first.hint && { hint: first.hint }),
        cause: first,
      });
    }
    if (this.#end) throw this.#end;
    if (!this.#context.drain.aborted) return;
    if (this.attempted === 0) throw interrupted(this.#context, 'nothing was sent');
    if (this.#settings.input.from === 'lines')
      throw interrupted(this.#context, `${this.attempted} requests were answered`);
  }
}

/** Returns an error if the server refused the request in its reply. */
function refusalOf(reply: RawMessage): MqError | undefined {
  const error = reply.properties.headers?.[headerNames.error];
  return typeof error === 'string' ? new MqError('BAD_DATA', `the server refused the request: ${error}`) : undefined;
}

function failureJson({ code, message }: MqError): object {
  return { error: message, code };
}

function affectsAllRequests({ code }: MqError): boolean {
  return code === 'IN_DOUBT' || code === 'NOT_PERMITTED' || code === 'TOPOLOGY';
}
