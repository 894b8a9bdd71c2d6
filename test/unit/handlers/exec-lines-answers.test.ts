// The answers of an --exec-lines program, and the outcomes of its messages. They do not depend on how its processes are started.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Outcome } from '../../../src/handlers/handler.ts';
import { deadlineOf } from '../../../src/handlers/make.ts';
import { make, never, using } from '../../fixtures/handlers/exec-lines.ts';
import { handleOne, makeHost, makeMessage, replyText } from '../../fixtures/handlers/host.ts';
import { node } from '../../support/node.ts';

/** A handler for the answers that its process survives. */
const shared = await make();
test.after(() => shared.close());

for (const [answer, outcome] of [
  ['{"id":ID,"outcome":"ack"}', { type: 'ack' }],
  ['{"id":"ID","outcome":"ack"}', { type: 'ack' }],
  ['{"id":ID,"outcome":"ack","reply":null}', { type: 'ack' }],
  ['{"id":ID,"outcome":"retry","reason":"not\\nyet"}', { type: 'retry', reason: 'not yet' }],
  ['{"id":ID,"outcome":"retry"}', { type: 'retry', reason: 'requested by the handler' }],
  ['{"id":ID,"outcome":"dead-letter","reason":"bad"}', { type: 'dead-letter', reason: 'bad' }],
  ['{"id":ID,"outcome":"reject"}', { type: 'dead-letter', reason: 'requested by the handler' }],
  ['{"id":ID,"outcome":"nack","requeue":true}', { type: 'requeue', reason: 'requested by the handler' }],
  ['{"id":ID,"outcome":"requeue","reason":"later"}', { type: 'requeue', reason: 'later' }],
  ['{"id":ID,"outcome":"akc"}', { type: 'retry', reason: 'an invalid answer: an unknown outcome: "akc"' }],
  ['{"id":ID}', { type: 'retry', reason: 'an invalid answer: an answer without an outcome' }],
  ['{"id":0,"outcome":"ack"}', { type: 'retry', reason: 'an invalid answer: an answer to another id: 0' }],
  ['{"outcome":"ack"}', { type: 'retry', reason: 'an invalid answer: an answer to another id: none' }],
  [
    '{"id":ID,"outcome":"ack","reply":"a","encoding":"latin1"}',
    { type: 'retry', reason: 'an invalid answer: an unknown encoding: "latin1"' },
  ],
  [
    '{"id":ID,"outcome":"ack","reply":"?","encoding":"base64"}',
    { type: 'retry', reason: 'an invalid answer: a reply that is not base64' },
  ],
] as const) {
  test(`the outcome of the answer ${answer} is ${JSON.stringify(outcome)}`, async () => {
    const message = makeMessage(`say ${answer}`);
    const isInvalid = 'reason' in outcome && outcome.reason.startsWith('an invalid answer');
    const found = isInvalid ? handleOne(await make(), message) : shared.handle(message, { signal: never });
    assert.equal(await found, outcome);
  });
}

test('a reply is text, bytes or JSON, each with its content type', async () => {
  await using({}, async (ask) => {
    const reply = async (answer: string) => {
      const outcome = await ask(`say {"id":ID,"outcome":"ack",${answer}}`);
      return outcome.type === 'ack' && outcome.reply && [outcome.reply.body.toString('hex'), outcome.reply.contentType];
    };
    assert.equal(await reply('"reply":"é"'), ['c3a9', 'text/plain']);
    assert.equal(await reply('"reply":"/wA=","encoding":"base64"'), ['ff00', 'application/octet-stream']);
    assert.equal(await reply('"reply":{"a":1}'), [Buffer.from('{"a":1}').toString('hex'), 'application/json']);
    assert.equal(await reply('"reply":"<p>","contentType":"text/html"'), ['3c703e', 'text/html']);
  });
});

test('a program that prints the body of a message does not acknowledge it', async () => {
  await using({ command: [node, 'print-body.mjs'] }, async (ask) => {
    for (let id = 1; id <= 2; id += 1) {
      const outcome = await ask(`{"id":${id},"outcome":"ack"}`);
      assert.equal(outcome, { type: 'retry', reason: `an invalid answer: an answer to another id: ${id}` });
    }
  });
});

const ack = { type: 'ack' };
const retry = (reason: string) => ({ type: 'retry', reason });
const noOutcome = retry('the answer to the batch has no outcome for this message');

for (const [answer, outcomes] of [
  ['say {"id":ID,"outcome":"ack"}', [ack, ack]],
  ['batch [{"id":2,"outcome":"retry","reason":"later"},{"id":"1","outcome":"ack"}]', [ack, retry('later')]],
  ['batch [{"id":1,"outcome":"ack"}]', [ack, noOutcome]],
  ['batch [{"id":3,"outcome":"ack"}]', [noOutcome, noOutcome]],
  ['batch [{"id":2,"outcome":"ack"},{"id":3,"outcome":"ack"}]', [noOutcome, ack]],
  ['batch [7,{"id":1,"outcome":"ack"}]', [ack, noOutcome]],
  [
    'batch [{"id":1,"outcome":"akc"},{"id":2,"outcome":"ack"}]',
    [retry('the answer to the batch has an unknown outcome: "akc" for this message'), ack],
  ],
  [
    'batch [{"id":1,"outcome":"ack"},{"id":1,"outcome":"retry"},{"id":2,"outcome":"ack"}]',
    [retry('the answer to the batch has two outcomes for this message'), ack],
  ],
  // Each message is tried alone afterwards, so that the other message succeeds.
  ['batch {}', [retry('an invalid answer: outcomes that are not a list: {}'), ack]],
  ['exit 9', [retry('it ended without an answer (exit status 9)'), ack]],
] as const) {
  test(`the answer to a batch of two: ${answer}`, async () => {
    const options = { batch: { size: 2, waitMs: 60_000 } };
    await using({ options, isReply: false }, async (ask) => {
      assert.equal(await Promise.all([ask(answer), ask('other')]), outcomes);
    });
  });
}

test('logs the faults of an answer to a batch, and keeps the process', async () => {
  const host = makeHost();
  await using({ host, options: { batch: { size: 2, waitMs: 60_000 } } }, async (ask) => {
    await Promise.all([ask('batch [{"id":"x","outcome":"ack"},{"id":2,"outcome":"akc"}]'), ask('other')]);
    assert.is(replyText((await Promise.all([ask('served'), ask('other')]))[0] as Outcome), '2');
  });
  const faults = 'an id that is not in the batch: "x", no outcome for id 1, an unknown outcome: "akc" for id 2';
  assert.is(host.stderr.text, `${node}: the answer to a batch of 2 messages has ${faults}\n`);
});

test('sends a batch as one line, with message ids that start at 1', async () => {
  const options = { batch: { size: 2, waitMs: 60_000 } };
  await using({ options }, async (ask) => {
    const [echoed] = await Promise.all([ask('message'), ask('two')]);
    const { id, batch } = JSON.parse(replyText(echoed as Outcome) ?? '');
    assert.type(id, 'number');
    assert.equal(
      batch.map(({ id, body, attempt }: Record<string, unknown>) => [id, body, attempt]),
      [
        [1, 'message', 1],
        [2, 'two', 1],
      ],
    );
  });
});

test('limits user code to 25 minutes for each message by default', () => {
  const given = [makeHost(), makeHost({ timeoutMs: 5 })] as const;
  const configs = [{ execLines: ['x'] }, { module: 'x.ts' }, { exec: ['x'], timeout: 7 }, { builtin: 'work' }] as const;
  const deadlines = given.map((host) => configs.map((config) => deadlineOf(config, host)));
  assert.equal(deadlines, [
    [1_500_000, 1_500_000, 7, undefined],
    [5, 5, 5, 5],
  ]);
});

test.run();
