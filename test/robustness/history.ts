// Runs a random history on a broker: publishes, deliveries, acknowledgements, expiry, and losses of the connection. Each step
// ends before the next one begins. So the same history must lead to the same queues, whether a connection is lost because the
// client closes it, because the broker restarts, or because the broker is killed.

import { type Channel, type ChannelModel, connect, type GetMessage, type Message } from 'amqplib';
import type { Random } from '../support/random.ts';
import type { End, RestartableBroker } from './restartable-broker.ts';

export type Step =
  | { readonly type: 'publish'; readonly exchange: string; readonly key: string; readonly options: object }
  | { readonly type: 'get'; readonly queue: string; readonly answer: Answer | undefined }
  | { readonly type: 'consume'; readonly queue: string; readonly prefetch: number; readonly answer: Answer | undefined }
  | { readonly type: 'answer'; readonly answer: Answer; readonly which: number }
  | { readonly type: 'move'; readonly milliseconds: number }
  | { readonly type: 'lose' };

type Answer = (typeof answers)[number];
const answers = ['ack', 'reject', 'nack', 'requeue'] as const;

const toDead = { 'x-dead-letter-exchange': 'dead' };
const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': -1 };
/** Queue of a history → its arguments. */
const queues: Readonly<Record<string, object>> = {
  classic: toDead,
  quorum: { ...quorum, ...toDead, 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' },
  wait: { 'x-message-ttl': 1000, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'classic' },
  short: { 'x-max-length': 3, ...toDead },
  ranked: { 'x-max-priority': 3, ...toDead },
  grave: quorum,
};
const names = Object.keys(queues);
/**
 * Returns true if messages of the queue are acknowledged as soon as they are received. A quorum queue delivers returned
 * messages first, and after a kill the broker does not know which messages had been delivered.
 */
const isAnsweredAtOnce = (queue: string) => ['quorum', 'grave'].includes(queue);

export function historyOf(random: Random, length: number): Step[] {
  return Array.from({ length }, (): Step => {
    const queue = random.pick(names);
    const answer = isAnsweredAtOnce(queue) ? random.pick(answers) : undefined;
    const chance = random.below(100);
    if (chance < 40) return publishing(random, queue);
    if (chance < 52) return { type: 'get', queue, answer };
    if (chance < 60) return { type: 'consume', queue, prefetch: 1 + random.below(4), answer };
    if (chance < 85) return { type: 'answer', answer: random.pick(answers), which: random.below(100) };
    if (chance < 93) return { type: 'move', milliseconds: random.pick([1, 250, 999, 1000, 5000]) };
    return { type: 'lose' };
  });
}

function publishing(random: Random, queue: string): Step {
  const options = {
    persistent: true,
    ...(random.chance(0.3) && { expiration: String(random.pick([0, 500, 3000, 100_000])) }),
    ...(random.chance(0.3) && { priority: random.below(6) }),
    ...(random.chance(0.1) && { CC: [random.pick(names)] }),
    ...(random.chance(0.1) && { BCC: [random.pick(names)] }),
    headers: { kind: random.pick(['a', 'b']) },
  };
  const [exchange, key] = random.pick([
    ['', queue],
    ['topic', `to.${queue}.x`],
    ['headers', ''],
  ] as const);
  return { type: 'publish', exchange, key, options };
}

/** Runs a history, in which `loss` ends each connection. Returns the messages of each queue at the end. */
export async function run(
  steps: readonly Step[],
  broker: RestartableBroker,
  loss: End | 'close',
): Promise<Record<string, string[]>> {
  let client = await Client.open(broker.url);
  await client.declare();
  for (const [number, step] of [...steps, { type: 'lose' } as const].entries()) {
    if (step.type === 'move') await broker.move(step.milliseconds);
    else if (step.type === 'lose') {
      if (loss === 'close') await client.close();
      else {
        await broker.end(loss);
        await broker.start();
      }
      client = await Client.open(broker.url);
    } else await client.do(step, number);
    await client.answered();
    await broker.move(0);
  }
  return client.contents();
}

class Client {
  readonly #connection: ChannelModel;
  readonly #channel: Channel;
  /** Deliveries that are not acknowledged yet. */
  readonly #held: Message[] = [];

  private constructor(connection: ChannelModel, channel: Channel) {
    this.#connection = connection;
    this.#channel = channel;
  }

  static async open(url: string): Promise<Client> {
    const connection = await connect(url);
    connection.on('error', () => undefined);
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    return new Client(connection, channel);
  }

  async declare(): Promise<void> {
    const channel = this.#channel;
    await channel.assertExchange('dead', 'fanout');
    await channel.assertExchange('topic', 'topic');
    await channel.assertExchange('headers', 'headers');
    for (const [queue, args] of Object.entries(queues)) {
      await channel.assertQueue(queue, { arguments: args });
      await channel.bindQueue(queue, 'topic', `*.${queue}.#`);
    }
    await channel.bindQueue('grave', 'dead', '');
    await channel.bindQueue('quorum', 'headers', '', { 'x-match': 'all', kind: 'a' });
    await channel.bindQueue('short', 'headers', '', { 'x-match': 'any', kind: 'b', none: 1 });
  }

  async do(step: Exclude<Step, { type: 'move' | 'lose' }>, number: number): Promise<void> {
    switch (step.type) {
      case 'publish':
        this.#channel.publish(step.exchange, step.key, Buffer.from(String(number)), step.options);
        return;
      case 'get':
        return this.#receive(await this.#channel.get(step.queue), step.answer);
      case 'consume':
        return this.#consume(step);
      case 'answer': {
        const [message] = this.#held.splice(step.which % Math.max(1, this.#held.length), 1);
        if (message) this.#answer(message, step.answer);
      }
    }
  }

  /** Waits until the broker has handled everything that was sent. */
  async answered(): Promise<void> {
    await (this.#channel as Channel & { waitForConfirms(): Promise<void> }).waitForConfirms();
    await this.#channel.checkExchange('dead');
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Removes and returns the messages of every queue, and closes the connection. */
  async contents(): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {};
    for (const queue of names) {
      const lines: string[] = [];
      for (let message = await this.#get(queue); message; message = await this.#get(queue)) lines.push(textOf(message));
      found[queue] = lines;
    }
    await this.close();
    return found;
  }

  async #get(queue: string): Promise<GetMessage | false> {
    return this.#channel.get(queue, { noAck: true });
  }

  #receive(message: Message | false | null, answer: Answer | undefined): void {
    if (!message) return;
    if (answer) this.#answer(message, answer);
    else this.#held.push(message);
  }

  /** Receives as many messages as the prefetch allows, or all messages of the queue. */
  async #consume({ queue, prefetch, answer }: Step & { type: 'consume' }): Promise<void> {
    const messages: (Message | null)[] = [];
    await this.#channel.prefetch(prefetch);
    const { consumerTag } = await this.#channel.consume(queue, (message) => messages.push(message));
    while (messages.length < prefetch && (await this.#channel.checkQueue(queue)).messageCount > 0);
    await this.#channel.cancel(consumerTag);
    for (const message of messages) this.#receive(message, answer);
  }

  #answer(message: Message, answer: Answer): void {
    if (answer === 'ack') this.#channel.ack(message);
    else if (answer === 'reject') this.#channel.reject(message, false);
    else this.#channel.nack(message, false, answer === 'requeue');
  }
}

function textOf({ content, fields, properties }: GetMessage): string {
  const { headers, expiration, priority } = properties;
  return `${content} ${fields.exchange}[${fields.routingKey}] ${JSON.stringify({ expiration, priority, headers })}`;
}
