// The fields of basic.publish with their routes, cached for later publishes of any channel with the same fields.

import { Reader } from '../codec/values.ts';
import type { Queue } from '../queue/queue.ts';
import type { Exchange } from '../routing/exchange.ts';

const mandatoryBit = 1;
const immediateBit = 2;
/** The cache is emptied at this size, so that a routing key for each message does not fill the memory. */
const cacheLimit = 4096;

export interface Destination {
  readonly bytes: Buffer;
  readonly exchangeName: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  readonly immediate: boolean;
  /** Version of the virtual host when exchange and queues were looked up. */
  version: number;
  exchange: Exchange | undefined;
  /** `undefined` if the route depends on more than the routing key. */
  queues: readonly Queue[] | undefined;
}

export class Destinations {
  readonly #byFields = new Map<string, Destination>();
  #version = 0;

  /** Returns the destination of the encoded fields. `version` is the version of the virtual host. Throws 501 or 502. */
  find(buffer: Buffer, start: number, end: number, version: number): Destination {
    const fields = buffer.toString('latin1', start, end);
    if (this.#version !== version) {
      // Deleted queues must not stay in memory.
      this.#byFields.clear();
      this.#version = version;
    }
    const cached = this.#byFields.get(fields);
    if (cached !== undefined) return cached;
    const destination = readDestination(buffer, start, end);
    if (this.#byFields.size >= cacheLimit) this.#byFields.clear();
    this.#byFields.set(fields, destination);
    return destination;
  }
}

function readDestination(buffer: Buffer, start: number, end: number): Destination {
  const reader = new Reader(buffer, start, end);
  reader.short();
  const exchangeName = reader.shortstr();
  const routingKey = reader.shortstr();
  const bits = reader.octet();
  reader.expectEnd();
  // Not `Buffer.from`, because its small buffers keep a shared pool of 8 KiB in memory.
  const bytes = Buffer.allocUnsafeSlow(end - start);
  buffer.copy(bytes, 0, start, end);
  return {
    bytes,
    exchangeName,
    routingKey,
    mandatory: (bits & mandatoryBit) !== 0,
    immediate: (bits & immediateBit) !== 0,
    version: -1,
    exchange: undefined,
    queues: undefined,
  };
}
