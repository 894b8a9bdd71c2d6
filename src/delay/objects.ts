// Defines the exchanges and queues through which delayed messages wait. All of them have names that begin with `mq.delay`, or
// with the name in rascal.json.
//
// A fixed delay has one wait queue for each destination:
//   mq.delay.<milliseconds>.to.<destination>
// Any other delay is a binary number of seconds. A message waits in the queue of each bit that is 1, from the highest to the
// lowest one:
//   mq.delay.level.<n>     an exchange, and a queue whose messages wait 2^n seconds
//   mq.delay.deliver       an exchange that receives the messages that are due
//   mq.delay.to.<destination>   a queue that publishes them at once with the exchange and routing key of the destination
//   mq.delay.unroutable    an exchange and a queue for messages whose queue `to` has been deleted
// The routing key is all bits and the destination, `0.1.0. … .task_queue`. Each pair of exchanges reads one bit.

import { MqError } from '../errors.ts';
import { type DelayDestination, destinationOfWord, destinationWord, readableWord } from './destination.ts';

type Arguments = Readonly<Record<string, unknown>>;

interface DelayExchange {
  readonly name: string;
  readonly type: 'topic' | 'fanout';
  readonly durable: true;
  readonly autoDelete: false;
  readonly internal: false;
  readonly arguments: Arguments;
}

interface DelayQueue {
  readonly name: string;
  readonly type: 'quorum';
  readonly durable: true;
  readonly autoDelete: false;
  readonly exclusive: false;
  /** Without `x-queue-type`. */
  readonly arguments: Arguments;
}

interface DelayBinding {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly key: string;
  readonly arguments: Arguments;
}

/** The objects of one kind of delay, with the broker's names, in the order in which they must be declared. */
export interface DelayObjects {
  readonly exchanges: readonly DelayExchange[];
  readonly queues: readonly DelayQueue[];
  readonly bindings: readonly DelayBinding[];
}

/** The name that the names of all objects begin with, if rascal.json has no other one (`mq.delay`). */
export const defaultDelayName = 'mq.delay';

// RabbitMQ: the timer of a queue is limited to 2^32 milliseconds, which is less than 2^23 seconds.
const levelCount = 23;
/** The longest delay by levels, in seconds: 97 days. */
export const longestDelaySeconds = 2 ** levelCount - 1;
/** AMQP 0-9-1, 4.2.5.3: a short string has at most 255 bytes. */
const longestName = 255;

/** Returns the objects that every delay by levels needs. `name` is `mq.delay`, after the namespace of the vhost. */
export function levelObjects(name: string): DelayObjects {
  const levels = Array.from({ length: levelCount }, (_, index) => levelCount - 1 - index);
  return {
    exchanges: [
      exchange(unroutableName(name), 'fanout'),
      exchange(deliverName(name), 'topic', { 'alternate-exchange': unroutableName(name) }),
      ...levels.map((level) => exchange(levelName(name, level), 'topic')),
    ],
    queues: [
      queue(unroutableName(name), {}),
      ...levels.map((level) =>
        queue(levelName(name, level), deadLettering(2 ** level * 1000, { exchange: exchangeBelow(name, level) })),
      ),
    ],
    bindings: [
      binding(unroutableName(name), 'queue', unroutableName(name), ''),
      ...levels.flatMap((level) => {
        const before = '*.'.repeat(levelCount - 1 - level);
        const source = levelName(name, level);
        return [
          binding(source, 'queue', source, `${before}1.#`),
          binding(source, 'exchange', exchangeBelow(name, level), `${before}0.#`),
        ];
      }),
    ],
  };
}

/** Returns the queue that publishes messages with the exchange and key of their destination, and its binding. */
export function deliveryObjects(name: string, destination: DelayDestination): DelayObjects {
  const word = destinationWord(destination);
  const to = fitting(`${name}.to.${readableWord(word)}`);
  // A TTL of 0 would also expire at once, but a quorum queue of 4.0 checks it only at its next operation.
  return {
    exchanges: [],
    queues: [queue(to, deadLettering(1, destination))],
    bindings: [binding(deliverName(name), 'queue', to, '*.'.repeat(levelCount) + fitting(word, bitsLength))],
  };
}

/** Returns the wait queue for one delay and one destination. */
export function waitObjects(name: string, delayMs: number, destination: DelayDestination): DelayObjects {
  const wait = fitting(`${name}.${delayMs}.to.${readableWord(destinationWord(destination))}`);
  return { exchanges: [], queues: [queue(wait, deadLettering(delayMs, destination))], bindings: [] };
}

/** Returns the names of the queues in which messages wait, in the order in which a message passes them. */
export function levelQueues(name: string): string[] {
  return Array.from({ length: levelCount }, (_, index) => levelName(name, levelCount - 1 - index));
}

/** Returns the name of the queue for messages that cannot be delivered. */
export function unroutableName(name: string): string {
  return `${name}.unroutable`;
}

/** Reports whether a name is one of `levelObjects` or `deliveryObjects`, through which messages of any role may pass. */
export function isOnTheWay(name: string, object: string): boolean {
  return (
    object.startsWith(`${name}.`) && /^(?:level\.\d\d|deliver|unroutable|to\..*)$/s.test(object.slice(name.length + 1))
  );
}

/** Reports whether a name is one of the queues for delayed messages. */
export function isOfDelays(name: string, object: string): boolean {
  return (
    isOnTheWay(name, object) || (object.startsWith(`${name}.`) && /^\d+\.to\./.test(object.slice(name.length + 1)))
  );
}

/** Returns the exchange and the routing key of a message with this delay. */
export function delayRoute(
  name: string,
  seconds: number,
  destination: DelayDestination,
): { exchange: string; routingKey: string } {
  const bits = seconds.toString(2);
  const padded = bits.padStart(levelCount, '0');
  return {
    // The levels above the highest bit would only hand the message down.
    exchange: seconds === 0 ? deliverName(name) : levelName(name, bits.length - 1),
    routingKey: [...padded, destinationWord(destination)].join('.'),
  };
}

/** Parses the routing key of a delayed message. Returns the delay and the destination, or `undefined` for any other key. */
export function readDelayKey(routingKey: string): { seconds: number; destination: DelayDestination } | undefined {
  const words = routingKey.split('.');
  const destination = destinationOfWord(words[levelCount] ?? '');
  const bits = words.slice(0, levelCount).join('');
  if (words.length !== levelCount + 1 || destination === undefined || !/^[01]+$/.test(bits)) return undefined;
  return { seconds: Number.parseInt(bits, 2), destination };
}

/** The bytes of the bits and the dots after them. */
const bitsLength = 2 * levelCount;

function fitting(text: string, others = 0): string {
  const length = Buffer.byteLength(text) + others;
  if (length <= longestName) return text;
  const message = `the destination of a delayed message is too long: '${text}' has ${length} bytes of ${longestName}`;
  throw new MqError('CONFIG', message, { hint: 'use a shorter queue, exchange or routing key, or a shorter mq.delay' });
}

function levelName(name: string, level: number): string {
  return `${name}.level.${String(level).padStart(2, '0')}`;
}

function deliverName(name: string): string {
  return `${name}.deliver`;
}

function exchangeBelow(name: string, level: number): string {
  return level === 0 ? deliverName(name) : levelName(name, level - 1);
}

function exchange(name: string, type: DelayExchange['type'], more: Arguments = {}): DelayExchange {
  return { name, type, durable: true, autoDelete: false, internal: false, arguments: more };
}

function queue(name: string, more: Arguments): DelayQueue {
  // RabbitMQ: by default, a quorum queue drops a message after 20 redeliveries, and each `mq delayed list` may be one.
  const all = { ...more, 'x-delivery-limit': -1 };
  return { name, type: 'quorum', durable: true, autoDelete: false, exclusive: false, arguments: all };
}

function deadLettering(delayMs: number, { exchange: to, routingKey }: Partial<DelayDestination>): Arguments {
  return {
    'x-message-ttl': delayMs,
    'x-dead-letter-exchange': to,
    ...(routingKey !== undefined && { 'x-dead-letter-routing-key': routingKey }),
    // RabbitMQ: a quorum queue dead-letters at least once only with both arguments.
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };
}

function binding(source: string, destinationType: 'queue' | 'exchange', destination: string, key: string) {
  return { source, destination, destinationType, key, arguments: {} } satisfies DelayBinding;
}
