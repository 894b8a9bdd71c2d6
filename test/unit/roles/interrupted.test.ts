// A sender that a second signal ends before the broker or the server has answered.

import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../../src/context.ts';
import { MqError } from '../../../src/errors.ts';
import { publish } from '../../../src/roles/publish.ts';
import { request } from '../../../src/roles/request.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { OutgoingMessage, PublishOutcome } from '../../../src/session/outgoing-message.ts';
import type { Session } from '../../../src/session/session.ts';

/** Sends one message, and aborts when it has no answer yet. Returns the error of the role. */
async function abandoned(role: 'publish' | 'request'): Promise<MqError> {
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
    request: async () => {
      setImmediate(stop);
      throw await answer.promise;
    },
  };
  const destination = { vhost: '/', exchange: '', routingKey: 'q', options: {} };
  const session = {
    counts: newCounts(),
    publisher: async () => ({ publisher, destination }),
    requester: async () => ({ requester, destination }),
    abort: answer.resolve,
  } as unknown as Session;
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const context = { ...streams, drain: drain.signal, abandon: abandon.signal } as unknown as Context;
  const settings = {
    publication: 'p',
    input: { from: 'text', text: 'x' },
    routingKey: undefined,
    properties: {},
    persistent: undefined,
    window: 1,
    intervalMs: undefined,
    json: false,
  } as const;
  const run =
    role === 'publish'
      ? publish(context, session, { ...settings, skip: 0, mandatory: true })
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

test.run();
