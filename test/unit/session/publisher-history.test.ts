// Compares a publisher with a plain model of the broker over random histories of confirms, nacks, returns and lost
// channels.

import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BrokerConnection } from '../../../src/session/connecting/broker-connection.ts';
import { newCounts } from '../../../src/session/counts.ts';
import { MessageSeries, type OutgoingMessage } from '../../../src/session/outgoing-message.ts';
import { Publisher } from '../../../src/session/publisher.ts';
import { type Random, randomOf } from '../../support/random.ts';

interface Sent {
  readonly message: OutgoingMessage;
  readonly number: number;
  readonly at: number;
  returned: boolean;
}

/** A broker with one channel at a time. It records what the outcome of each message must be. */
class Model extends EventEmitter {
  readonly #random: Random;
  channel = new EventEmitter();
  isOpen = false;
  /** Messages without an answer on the current channel, by delivery tag. */
  #open = new Map<number, Sent>();
  /** Messages that the publisher must not settle on this channel, because their nack was late. */
  #postponed: Sent[] = [];
  #tag = 0;
  #last = -1;
  readonly messages: OutgoingMessage[] = [];
  readonly wanted: string[] = [];
  readonly errors: string[] = [];
  now = 0;
  isLeft = false;

  constructor(random: Random) {
    super();
    this.#random = random;
  }

  async confirmChannel(): Promise<EventEmitter> {
    [this.#open, this.#postponed, this.#tag, this.#last] = [new Map(), [], 0, -1];
    this.isOpen = true;
    this.isLeft = false;
    const stream = { bytesWritten: 0, writableLength: 0, writableNeedDrain: false };
    const sendMessage = (message: OutgoingMessage) => this.#receive(message);
    this.channel = Object.assign(new EventEmitter(), { connection: { stream }, sendMessage });
    return this.channel;
  }

  leave(): void {
    this.isLeft = true;
  }

  #receive(message: OutgoingMessage): boolean {
    const number = this.messages.indexOf(message);
    if (number <= this.#last) this.errors.push(`${number} was sent after ${this.#last}`);
    if (this.#isOutstanding(message)) this.errors.push(`${number} was sent while an equal message had no answer`);
    if (this.wanted[number] !== undefined) this.errors.push(`${number} was sent again after its answer`);
    this.#last = number;
    this.#tag += 1;
    this.#open.set(this.#tag, { message, number, at: this.now, returned: false });
    return true;
  }

  #isOutstanding(message: OutgoingMessage): boolean {
    return [...this.#open.values(), ...this.#postponed].some(({ message: other }) => keyOf(other) === keyOf(message));
  }

  /** Answers one message, or all up to it. A late nack means that the node has no majority. */
  answer(isNack: boolean): void {
    const tags = [...this.#open.keys()];
    const deliveryTag = tags[this.#random.below(tags.length)];
    if (deliveryTag === undefined) return;
    const multiple = this.#random.chance(0.4);
    for (const [tag, sent] of [...this.#open]) {
      if (tag !== deliveryTag && !(multiple && tag < deliveryTag)) continue;
      this.#open.delete(tag);
      if (isNack && this.now - sent.at >= 10_000) this.#postponed.push(sent);
      else this.wanted[sent.number] = sent.returned ? 'UNROUTABLE' : isNack ? 'REFUSED' : 'confirmed';
    }
    this.channel.emit(isNack ? 'nack' : 'ack', { deliveryTag, multiple });
    if (this.#postponed.length > 0 && !this.isLeft) this.errors.push('the publisher did not leave after a late nack');
  }

  pass(seconds: number): void {
    for (let second = 0; second < seconds; second += 1) {
      this.now += 1000;
      mock.timers.tick(1000);
    }
  }

  /** Returns a message. RabbitMQ: basic.return arrives before the ack. */
  return(): void {
    const sent = [...this.#open.values()].filter(({ returned }) => !returned);
    const one = sent[this.#random.below(sent.length)];
    if (!one) return;
    one.returned = true;
    const { exchange, routingKey, properties } = one.message;
    this.channel.emit('return', { fields: { exchange, routingKey }, properties: { ...properties } });
  }

  close(): void {
    this.isOpen = false;
    this.channel.emit('close');
  }

  /** Number of messages that the publisher should have sent: the next one must wait for an equal one. */
  checkProgress(): void {
    const next = this.messages.findIndex((_, number) => number > this.#last && this.wanted[number] === undefined);
    const message = this.messages[next];
    if (this.isOpen && message && !this.#isOutstanding(message)) this.errors.push(`${next} was not sent`);
  }

  get isIdle(): boolean {
    return this.messages.every((_, number) => this.wanted[number] !== undefined);
  }
}

function keyOf({ exchange, routingKey, properties }: OutgoingMessage): string {
  return JSON.stringify([exchange, routingKey, properties.messageId]);
}

const series = new MessageSeries({ exchange: 'x', routingKey: 'a', mandatory: true, properties: { deliveryMode: 2 } });

function messageOf(random: Random): OutgoingMessage {
  const body = Buffer.from('four');
  if (random.chance(0.5)) return series.message(body);
  const routingKey = random.chance(0.5) ? 'a' : 'b';
  return { exchange: 'x', routingKey, mandatory: true, body, properties: { messageId: String(random.below(8)) } };
}

async function history(seed: number): Promise<void> {
  const random = randomOf(seed);
  const model = new Model(random);
  const clock = mock.method(performance, 'now', () => model.now);
  mock.timers.enable({ apis: ['setInterval'] });
  const settings = { vhost: '/', window: 10, timeoutMs: 1e9, nodeTimeoutMs: 1e9, counts: newCounts() };
  const publisher = await Publisher.open(model as unknown as BrokerConnection, { ...settings, redact: String });
  const outcomes: string[] = [];
  const send = () => {
    if (!publisher.hasRoom) return;
    const message = messageOf(random);
    const number = model.messages.push(message) - 1;
    publisher.send(message, (sent) => {
      if (outcomes[number] !== undefined) model.errors.push(`${number} was settled twice`);
      outcomes[number] = sent.type === 'confirmed' ? sent.type : sent.error.code;
    });
  };
  const lose = async () => {
    model.close();
    await turn();
  };
  try {
    for (let step = 0; model.errors.length === 0 && (step < 200 || !model.isIdle); step += 1) {
      const dice = random.below(100);
      if (step < 200 && dice < 50) send();
      else if (dice < 65) model.answer(false);
      else if (dice < 75) model.answer(true);
      else if (dice < 90) model.return();
      else if (dice < 95) await lose();
      else model.pass(11);
      if (model.isLeft && random.chance(0.3)) await lose();
      model.checkProgress();
      assert.equal(outcomes, model.wanted, `seed ${seed}, step ${step}`);
    }
    assert.equal(model.errors, [], `seed ${seed}`);
    await publisher.settled();
  } finally {
    publisher.close();
    clock.mock.restore();
    mock.timers.reset();
  }
}

test('settles each message as the broker answered it, in any history', async () => {
  for (let seed = 1; seed <= 60; seed += 1) await history(seed);
});

test.run();
