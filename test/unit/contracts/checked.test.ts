// Checks messages around a handler and around a publisher, with contracts whose results are fixed.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mostStepsPerTurn, TurnSteps } from '../../../src/contracts/budget.ts';
import { contractsByDestination } from '../../../src/contracts/by-destination.ts';
import { checkedHandler } from '../../../src/contracts/checked-handler.ts';
import { checkedSender, checkOf } from '../../../src/contracts/checked-sending.ts';
import type { Contract, SubscriptionContract } from '../../../src/contracts/contracts.ts';
import type { Handler, Message } from '../../../src/handlers/handler.ts';
import { configOf } from '../config/fixture.ts';

const valid = Buffer.from('valid');
const invalid = Buffer.from('invalid');

function contract(onInvalid: SubscriptionContract['onInvalid'] = 'dead-letter', turn = new TurnSteps()) {
  const bodyFault = (body: Buffer) => (body === valid ? undefined : '/total must be >= 0');
  return { bodyFault, turn, onInvalid, document: { file: 'order.json' } } as unknown as SubscriptionContract;
}

const context = { signal: new AbortController().signal };
const messageOf = (body: Buffer) => ({ body }) as Message;

function recorder(): { handler: Handler; handled: Buffer[] } {
  const handled: Buffer[] = [];
  const handle: Handler['handle'] = ({ body }) => {
    handled.push(body);
    return { type: 'ack' };
  };
  return { handled, handler: { prints: 'handler', handle, close: async () => undefined } };
}

test('a handler receives only messages that match, without a promise', () => {
  const { handler, handled } = recorder();
  const { handle } = checkedHandler(handler, contract());
  const reason = 'schema: /total must be >= 0';
  assert.equal(handle(messageOf(valid), context), { type: 'ack' });
  assert.equal(handle(messageOf(invalid), context), { type: 'dead-letter', reason });
  assert.equal(handled, [valid]);
});

test('onInvalid determines the outcome', () => {
  const reason = 'schema: /total must be >= 0';
  const outcome = (policy: SubscriptionContract['onInvalid']) =>
    checkedHandler(recorder().handler, contract(policy)).handle(messageOf(invalid), context);
  assert.equal(outcome('requeue'), { type: 'requeue', reason });
  for (const policy of ['retry', 'drop', 'exit'] as const)
    assert.equal(outcome(policy), { type: 'retry', reason, policy });
});

test('a check waits for the next turn after expensive checks', async () => {
  const turn = new TurnSteps();
  turn.add(mostStepsPerTurn + 1);
  const { handler, handled } = recorder();
  const outcome = checkedHandler(handler, contract('dead-letter', turn)).handle(messageOf(valid), context);
  assert.ok(outcome instanceof Promise);
  assert.equal(handled, []);
  assert.equal(await outcome, { type: 'ack' });
});

test('a sender sends only messages that match, and waits for steps', async () => {
  const sent: Buffer[] = [];
  const turn = new TurnSteps();
  const publisher = {
    hasRoom: true,
    room: async () => undefined,
    send: ({ body }: { body: Buffer }, settle: (outcome: string) => void) => {
      sent.push(body);
      settle('confirmed');
    },
    refuse: ({ code }: { code: string }, settle: (outcome: string) => void) => settle(code),
  };
  const sender = checkedSender(publisher, checkOf(contract('dead-letter', turn)));
  const outcomes: string[] = [];
  for (const body of [invalid, valid]) sender.send({ body }, (outcome) => outcomes.push(outcome));
  assert.equal(outcomes, ['BAD_DATA', 'confirmed']);
  assert.equal(sent, [valid]);
  turn.add(mostStepsPerTurn + 1);
  assert.not(sender.hasRoom);
  await sender.room();
  assert.ok(sender.hasRoom);
});

test('finds the contracts of a message by its exchange and key', () => {
  const config = configOf({
    vhosts: { '/': { namespace: 'shop', exchanges: ['events', 'open'], queues: ['orders'] } },
    publications: {
      order: { queue: 'orders' },
      paid: { exchange: 'events', routingKey: 'paid' },
      sent: { exchange: 'events', routingKey: 'sent' },
      open: { exchange: 'open' },
      other: { exchange: 'open' },
    },
  });
  const names = ['order', 'paid', 'sent', 'open'];
  const find = contractsByDestination(config, new Map<string, Contract>(names.map((name) => [name, contract()])));
  const found = (exchange: string, routingKey: string) =>
    find({ exchange, routingKey }).map(({ publication }) => publication);
  assert.equal(found('', 'shop:orders'), ['order']);
  assert.equal(found('', 'orders'), []);
  assert.equal(found('shop:events', 'paid'), ['paid']);
  assert.equal(found('shop:events', 'x'), ['paid', 'sent']);
  // One of the publications to this exchange has no schema.
  assert.equal(found('shop:open', 'x'), []);
});

test.run();
