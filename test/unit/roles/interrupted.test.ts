// A sender that a signal ends before the broker or the server has answered, or before it has sent anything.

import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../../src/context.ts';
import { MqError } from '../../../src/errors.ts';
import type { Input } from '../../../src/roles/input.ts';
import { publish } from '../../../src/roles/publish.ts';
import { request } from '../../../src/roles/request.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { OutgoingMessage, PublishOutcome } from '../../../src/session/outgoing-message.ts';
import type { Session } from '../../../src/session/session.ts';

type Role = 'publish' | 'request';

/** Sends one message, and aborts when it has no answer yet. Returns the error of the role. */
async function abandoned(role: Role): Promise<MqError> {
  const [drain, abandon] = [new AbortController(), new AbortController()];
  const answer = Promise.withResolvers<MqError>();
  const stop = () => {
    drain.abort('SIGTERM');
    abandon.abort();
  };
  const publisher = {
    failed: new Promise(() => undefined),
    hasRoom: true,
    settled: () => answer.promise,
    send(_message: OutgoingMessage, settle: (outcome: PublishOutcome) => void) {
      void answer.promise.then((error) => settle({ type: 'in doubt', error }));
      setImmediate(stop);
    },
  };
  const requester = {
    failed: new Promise(() => undefined),
    request: async () => {
      setImmediate(stop);
      throw await answer.promise;
    },
  };
  const session = { publisher, requester, abort: answer.resolve };
  return errorOf(role, session, { drain: drain.signal, abandon: abandon.signal }, { from: 'text', text: 'x' });
}

/** Stops the role before its input has ended. Returns the error of the role. */
async function stoppedBefore(role: Role, input: Input): Promise<MqError> {
  const drain = new AbortController();
  const publisher = { failed: new Promise(() => undefined), hasRoom: true, settled: async () => undefined };
  const stdin = () => {
    setImmediate(() => drain.abort('SIGTERM'));
    return new PassThrough();
  };
  if (input.from === 'text') drain.abort('SIGTERM');
  const session = { publisher, requester: { failed: new Promise(() => undefined) }, abort: () => undefined };
  return errorOf(role, session, { drain: drain.signal, abandon: new AbortController().signal, stdin }, input);
}

/** Stops the role while it connects and declares, which does not end. Returns the error of the role. */
async function stoppedWhileOpening(role: Role): Promise<MqError> {
  const drain = new AbortController();
  const session = { publisher: {}, requester: {}, abort: () => undefined, opened: new Promise<never>(() => undefined) };
  setImmediate(() => drain.abort('SIGTERM'));
  return errorOf(role, session, { drain: drain.signal }, { from: 'lines', path: '-' });
}

interface FakeSession {
  /** Resolves when the session has connected. Defaults to at once. */
  readonly opened?: Promise<void>;
  readonly publisher: object;
  readonly requester: object;
  readonly abort: (error: MqError) => void;
}

async function errorOf(
  role: Role,
  { publisher, requester, abort, opened = Promise.resolve() }: FakeSession,
  given: Partial<Context>,
  input: Input,
): Promise<MqError> {
  const destination = { vhost: '/', exchange: '', routingKey: 'q', options: {} };
  const session = {
    counts: newCounts(),
    publisher: () => opened.then(() => ({ publisher, destination })),
    requester: () => opened.then(() => ({ requester, destination })),
    abort,
  } as unknown as Session;
  const context = { stdout: new PassThrough(), stderr: new PassThrough(), ...given } as unknown as Context;
  const settings = {
    publication: 'p',
    input,
    routingKey: undefined,
    properties: {},
    persistent: undefined,
    window: 1,
    intervalMs: undefined,
    json: false,
  } as const;
  const run =
    role === 'publish'
      ? publish(context, session, { ...settings, skip: 0, mandatory: true, delay: undefined })
      : request(context, session, { ...settings, replyTimeoutMs: 1000, ownQueue: false, say: () => undefined });
  return run.then(
    () => new MqError('BUG', 'the role ended without an error'),
    (error: MqError) => error,
  );
}

for (const [role, outcome] of [
  ['publish', 'messages without a confirm may or may not have arrived'],
  ['request', 'requests without a reply may have been handled'],
] as const) {
  test(`a second signal ends ${role}: ${outcome}`, async () => {
    const error = await abandoned(role);
    assert.instance(error, MqError);
    assert.equal([error.code, error.message], ['TERMINATED', `stopped by SIGTERM: ${outcome}`]);
  });
}

for (const role of ['publish', 'request'] as const) {
  test(`a signal ends ${role} while it connects and declares`, async () => {
    const { code, message } = await stoppedWhileOpening(role);
    assert.equal([code, message], ['TERMINATED', 'stopped by SIGTERM: nothing was sent']);
  });
  for (const input of [
    { from: 'text', text: 'x' },
    { from: 'piped', otherwise: 'default', hint: '' },
    { from: 'whole', path: '-' },
    { from: 'lines', path: '-' },
  ] as const) {
    test(`${role} fails if a signal stops it before it sends the input '${input.from}'`, async () => {
      const { code, message } = await stoppedBefore(role, input);
      assert.equal([code, message], ['TERMINATED', 'stopped by SIGTERM: nothing was sent']);
    });
  }
}

test.run();
