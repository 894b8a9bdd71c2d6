// RabbitMQ's exchange types that route a message to only one of their destinations: x-local-random and x-modulus-hash.

import { time } from '../../time.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Message } from '../queue/message.ts';
import { Queue } from '../queue/queue.ts';

interface Binding<Destination> {
  readonly destination: Destination;
  readonly routingKey: string;
}

/** Routes to a random classic queue of this node (https://www.rabbitmq.com/docs/local-random-exchange). */
export class LocalRandomMatcher<Destination> {
  readonly #queues: Destination[] = [];

  /** Throws 406 for a binding that RabbitMQ refuses. */
  add({ destination, routingKey }: Binding<Destination>): void {
    if (routingKey !== '') throw invalid(`Non empty binding '${routingKey}' key not permitted`);
    if (!(destination instanceof Queue)) throw invalid('Destination not found');
    const { type } = destination.settings;
    if (type !== 'classic') throw invalid(`Queue type rabbit_${type}_queue not valid for this exchange type`);
    this.#queues.push(destination);
  }

  remove({ destination }: Binding<Destination>): void {
    this.#queues.splice(this.#queues.indexOf(destination), 1);
  }

  match(): readonly Destination[] {
    const chosen = this.#queues[Math.floor(time.random() * this.#queues.length)];
    return chosen === undefined ? [] : [chosen];
  }
}

/** Routes by a hash of the routing keys of the message. Ignores the keys of the bindings. */
export class ModulusHashMatcher<Destination extends { readonly name: string }> {
  readonly #bindings = new Set<Binding<Destination>>();
  /** The destinations of all bindings, sorted by name. `undefined` after a change, until the next message is routed. */
  #destinations: readonly Destination[] | undefined;

  add(binding: Binding<Destination>): void {
    this.#bindings.add(binding);
    this.#destinations = undefined;
  }

  remove(binding: Binding<Destination>): void {
    this.#bindings.delete(binding);
    this.#destinations = undefined;
  }

  match(routingKey: string, { moreKeys = [] }: Message): readonly Destination[] {
    this.#destinations ??= Array.from(this.#bindings, ({ destination }) => destination).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
    const chosen = this.#destinations[hash([routingKey, ...moreKeys].join('\0')) % this.#destinations.length];
    return chosen === undefined ? [] : [chosen];
  }
}

/** Returns the 32-bit FNV-1a hash. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const octet of Buffer.from(text)) value = Math.imul(value ^ octet, 0x01000193) >>> 0;
  return value;
}

function invalid(text: string): ProtocolError {
  return new ProtocolError('PRECONDITION_FAILED', text);
}
