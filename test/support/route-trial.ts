// Declares random topologies on a broker, publishes to them, rejects each message once, and compares where the messages and
// their dead letters arrive with what the router of mq route computes from the management API.

import type { ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';
import { propertyBytes } from '../../src/session/wire.ts';
import { type Route, router } from '../../src/topology/route.ts';
import type { Topology } from '../../src/topology/topology.ts';
import type { Random } from './random.ts';

interface Trial {
  readonly connection: ChannelModel;
  /** Reads the topology of the vhost from the management API. */
  readonly read: () => Promise<Topology>;
  readonly random: Random;
  readonly topologies: number;
  /** Messages to each topology. */
  readonly messages: number;
}

interface Outcome {
  readonly messages: number;
  /** Messages that reached no queue. */
  readonly unrouted: number;
  readonly letters: number;
  /** Number of exchanges on the longest route. */
  readonly longest: number;
  readonly differences: readonly string[];
}

interface Sent {
  readonly id: string;
  readonly exchange: string;
  readonly key: string;
  readonly headers: Record<string, unknown>;
  readonly copies: { CC?: string[]; BCC?: string[] };
}

/** The arguments of one binding or the headers of one message. */
type Fields = Record<string, unknown>;

const types = ['direct', 'fanout', 'topic', 'headers'] as const;
const words = ['a', 'b', 'c', ''];
const values = [1, 2, '1', 'a', true, false, 1.5, null, [1, 'a'], { in: 1 }];
const fieldNames = ['n', 'm', 'x-n', 'k'];

/** Declares the topologies in batches, and deletes the exchanges of each batch. The queues end with the connection. */
export async function runTrial(trial: Trial): Promise<Outcome> {
  const channel = await trial.connection.createConfirmChannel();
  const outcome = { messages: 0, unrouted: 0, letters: 0, longest: 0, differences: [] as string[] };
  const batchSize = 50;
  for (let start = 0; start < trial.topologies; start += batchSize) {
    const names = Array.from({ length: Math.min(batchSize, trial.topologies - start) }, (_, at) => `t${start + at}`);
    await runBatch(trial, { channel, names, outcome });
  }
  await channel.close();
  return outcome;
}

interface Batch {
  readonly channel: ConfirmChannel;
  readonly names: readonly string[];
  readonly outcome: { messages: number; unrouted: number; letters: number; longest: number; differences: string[] };
}

async function runBatch(trial: Trial, { channel, names, outcome }: Batch): Promise<void> {
  const { random } = trial;
  const places: Place[] = [];
  for (const name of names) places.push(await declare(channel, name, random));
  const route = router(await trial.read());
  const arrivals = new Arrivals(channel);
  for (const { queues } of places) for (const queue of queues) await arrivals.consume(queue);
  const sent = places.flatMap((place) => Array.from({ length: trial.messages }, (_, at) => message(place, at, random)));
  const routes = sent.map((one) => ({ one, route: route({ ...one, properties: propertiesOf(one) }) }));
  for (const { id, exchange, key, headers, copies } of sent)
    channel.publish(exchange, key, Buffer.alloc(0), { messageId: id, headers, ...copies });
  await channel.waitForConfirms();
  await arrivals.settled(routes.reduce((sum, { one, route: computed }) => sum + expected(one, computed).length, 0));
  for (const { one, route: computed } of routes) {
    const wanted = expected(one, computed).toSorted();
    const found = arrivals.of(one.id).toSorted();
    outcome.messages += 1;
    outcome.unrouted += Number(computed.queues.length === 0);
    outcome.letters += wanted.filter((line) => line.includes('>')).length;
    outcome.longest = Math.max(outcome.longest, computed.visits.length);
    if (wanted.join() !== found.join())
      outcome.differences.push(`${JSON.stringify(one)}: computed ${wanted.join()}, arrived ${found.join()}`);
  }
  await arrivals.close();
  for (const { exchanges, queues } of places) {
    for (const queue of queues) await channel.deleteQueue(queue);
    for (const { name } of exchanges) await channel.deleteExchange(name);
  }
}

/** Returns `queue` for each queue of the message, and `queue>other` for each queue of its dead letter. */
function expected({ key }: Sent, { queues, departures }: Route): string[] {
  const letters = queues.flatMap(({ name }) => {
    const departure = departures.find((one) => one.queue === name && one.key === key);
    return (departure?.deadLetter?.queues ?? []).map((next) => `${name}>${next.name}`);
  });
  return [...queues.map(({ name }) => name), ...letters];
}

function propertiesOf({ headers, copies }: Sent): Buffer {
  return propertyBytes({ headers: { ...headers, ...copies } });
}

interface Place {
  readonly exchanges: readonly { readonly name: string; readonly internal: boolean }[];
  readonly queues: readonly string[];
}

async function declare(channel: ConfirmChannel, name: string, random: Random): Promise<Place> {
  const exchanges = Array.from({ length: 2 + random.below(5) }, (_, at) => ({
    name: `${name}.e${at}`,
    type: random.pick(types),
    internal: at > 0 && random.chance(0.2),
    alternate: random.chance(0.35) ? `${name}.e${random.below(7)}` : undefined,
  }));
  const queues = Array.from({ length: 2 + random.below(5) }, (_, at) => `${name}.q${at}`);
  for (const { name: exchange, type, internal, alternate } of exchanges)
    await channel.assertExchange(exchange, type, {
      durable: false,
      internal,
      ...(alternate !== undefined && { alternateExchange: alternate }),
    });
  for (const queue of queues)
    await channel.assertQueue(queue, { exclusive: true, durable: false, ...deadLetterOptions(name, random) });
  for (let left = 4 + random.below(16); left > 0; left -= 1) {
    const source = random.pick(exchanges);
    const key = bindingKey(source.type, random);
    const fields = source.type === 'headers' ? matchFields(random) : {};
    if (random.chance(0.6)) await channel.bindQueue(random.pick(queues), source.name, key, fields);
    else await channel.bindExchange(random.pick(exchanges).name, source.name, key, fields);
  }
  return { exchanges, queues };
}

function deadLetterOptions(name: string, random: Random): Record<string, unknown> {
  if (random.chance(0.4)) return {};
  const exchange = random.chance(0.2) ? '' : `${name}.e${random.below(7)}`;
  const key = exchange === '' ? `${name}.q${random.below(5)}` : routingKey(random);
  return { deadLetterExchange: exchange, ...(random.chance(0.6) && { deadLetterRoutingKey: key }) };
}

function routingKey(random: Random): string {
  return Array.from({ length: random.below(4) }, () => random.pick(words)).join('.');
}

function bindingKey(type: string, random: Random): string {
  if (type !== 'topic') return routingKey(random);
  // RabbitMQ 4.3.5 refuses a third `#`.
  let hashes = 0;
  const word = () => {
    if (random.chance(0.5)) return random.pick(words);
    if (random.chance(0.5) || hashes === 2) return '*';
    hashes += 1;
    return '#';
  };
  return Array.from({ length: random.below(4) }, word).join('.');
}

function fields(random: Random): Fields {
  return Object.fromEntries(
    Array.from({ length: random.below(4) }, () => [random.pick(fieldNames), random.pick(values)]),
  );
}

function matchFields(random: Random): Fields {
  const mode = random.pick([undefined, 'all', 'any', 'all-with-x', 'any-with-x']);
  return { ...fields(random), ...(mode !== undefined && { 'x-match': mode }) };
}

function message({ exchanges }: Place, at: number, random: Random): Sent {
  const { name: exchange } = random.pick(exchanges.filter(({ internal }) => !internal));
  const keys = () => Array.from({ length: 1 + random.below(2) }, () => routingKey(random));
  const copies = { ...(random.chance(0.2) && { CC: keys() }), ...(random.chance(0.1) && { BCC: keys() }) };
  return { id: `${exchange}/${at}`, exchange, key: routingKey(random), headers: fields(random), copies };
}

/** Consumes from all queues of a batch, rejects each message, and acknowledges the dead letters. */
class Arrivals {
  readonly #channel: ConfirmChannel;
  readonly #tags: string[] = [];
  readonly #queues: string[] = [];
  readonly #lines = new Map<string, string[]>();
  #count = 0;
  #sentinels = 0;
  #changed = () => {};

  constructor(channel: ConfirmChannel) {
    this.#channel = channel;
  }

  async consume(queue: string): Promise<void> {
    const { consumerTag } = await this.#channel.consume(queue, (delivery) => delivery && this.#take(queue, delivery));
    this.#tags.push(consumerTag);
    this.#queues.push(queue);
  }

  of(id: string): string[] {
    return this.#lines.get(id) ?? [];
  }

  /** Resolves when this number of messages has arrived, and then a marker in each queue. */
  async settled(count: number): Promise<void> {
    const enough = () => this.#count >= count;
    const deadline = AbortSignal.timeout(10_000);
    while (!enough() && !deadline.aborted) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    const wanted = this.#sentinels + this.#queues.length;
    for (const queue of this.#queues) this.#channel.sendToQueue(queue, Buffer.alloc(0), { type: 'marker' });
    while (this.#sentinels < wanted) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async close(): Promise<void> {
    for (const tag of this.#tags) await this.#channel.cancel(tag);
  }

  #take(queue: string, delivery: ConsumeMessage): void {
    const { type, messageId, headers = {} } = delivery.properties;
    const from = headers['x-last-death-queue'];
    if (type === 'marker') {
      this.#channel.ack(delivery);
      this.#sentinels += 1;
    } else {
      if (from === undefined) this.#channel.nack(delivery, false, false);
      else this.#channel.ack(delivery);
      this.#count += 1;
      const lines = this.#lines.get(messageId) ?? [];
      lines.push(from === undefined ? queue : `${from}>${queue}`);
      this.#lines.set(messageId, lines);
    }
    this.#changed();
  }
}
