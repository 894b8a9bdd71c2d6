// The behaviour `request`: sends requests, several at once, and prints the replies in the order of the requests.

import type { Context, Say } from '../context.ts';
import { asMqError, MqError } from '../errors.ts';
import { messageParts } from '../handlers/exec-message.ts';
import type { Session } from '../session/session.ts';
import type { Properties, RawMessage } from '../session/wire.ts';
import { interrupted } from '../signal.ts';
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
  readonly json: boolean;
  readonly say: Say;
}

type Answer = { readonly reply: RawMessage } | { readonly error: MqError };

/** Resolves when every request has its reply. Throws the first failure after the others have been tried. */
export async function request(context: Context, session: Session, settings: RequestSettings): Promise<void> {
  const { requester, destination } = await session.requester(settings.publication, settings);
  const printer = new Printer(context.stdout);
  const pace = new Pace(settings.intervalMs);
  const requestOf = outgoing({ destination, nextId: messageIds(), ...settings, mandatory: true });
  const onAbandon = () => session.abort(interrupted(context));
  context.abandon.addEventListener('abort', onAbandon, { once: true });
  const failures: MqError[] = [];
  let attempted = 0;

  const show = async (answer: Answer) => {
    const failure = 'error' in answer ? answer.error : refusalOf(answer.reply);
    if (failure) failures.push(failure);
    if (settings.json)
      await printer.json(
        'error' in answer
          ? failureJson(answer.error)
          : { ...messageParts(messageOf(answer.reply, '')), error: failure?.message },
      );
    else if (!failure && 'reply' in answer) await printer.body(answer.reply.content);
    else if (failure && settings.input.from === 'lines')
      settings.say({ level: 'warn', event: 'failed', message: failure.message, fields: { code: failure.code } });
  };

  // An answer is printed as soon as it and all earlier ones have arrived. When the window is full, the loop waits for
  // the oldest one.
  const unshown: Promise<void>[] = [];
  let last = Promise.resolve();
  try {
    for await (const batch of bodies(settings.input, context)) {
      for (const body of batch) {
        await pace.wait(context.drain);
        pace.begin();
        if (context.drain.aborted || failures.some(isHopeless)) break;
        attempted += 1;
        const message = requestOf(body);
        const answer: Promise<Answer> = requester.request(message).then(
          (reply) => ({ reply }),
          (error: unknown) => ({ error: asMqError(error) }),
        );
        last = last.then(async () => show(await answer));
        last.catch(() => undefined); // it is awaited below
        unshown.push(last);
        if (unshown.length >= settings.window) await unshown.shift();
      }
    }
    await last;
  } catch (error) {
    if (isClosedPipe(error)) return;
    throw error;
  } finally {
    context.abandon.removeEventListener('abort', onAbandon);
  }
  const [first] = failures;
  if (first && attempted === 1) throw first;
  if (first)
    throw new MqError(first.code, `${failures.length} of ${attempted} requests failed; the first: ${first.message}`, {
      ...(first.hint && { hint: first.hint }),
      cause: first,
    });
  if (context.drain.aborted && settings.input.from === 'lines')
    throw interrupted(context, `${attempted} requests were answered`);
}

/** Returns an error if the server refused the request in its reply. */
function refusalOf(reply: RawMessage): MqError | undefined {
  const error = reply.properties.headers?.[headerNames.error];
  return typeof error === 'string' ? new MqError('BAD_DATA', `the server refused the request: ${error}`) : undefined;
}

function failureJson({ code, message }: MqError): object {
  return { error: message, code };
}

function isHopeless({ code }: MqError): boolean {
  return code === 'IN_DOUBT' || code === 'NOT_PERMITTED' || code === 'TOPOLOGY';
}
