// A proxy between a client and a broker that drops or repeats single published messages, and can stop for some time.

import type { Socket } from 'node:net';
import { startProxy } from './proxy.ts';

/** AMQP 0-9-1: basic.publish is class 60, method 40. A frame begins with its type, channel and size. */
const publish = (60 << 16) | 40;
const headerBytes = 7;

interface Faults {
  /** Number of copies of a published message that reach the broker. Messages are numbered from 1. Default 1. */
  readonly copies?: (number: number) => number;
  /** Number of the published message before which both directions stop, and milliseconds of the stop. */
  readonly stall?: { readonly before: number; readonly ms: number };
}

export interface MessageProxy {
  readonly url: string;
  /** Resolves when the stall begins. */
  readonly stalled: Promise<void>;
  close(): void;
}

/** Starts a proxy in front of this port. Bodies must fit into one frame. */
export async function startMessageProxy(port: number, faults: Faults): Promise<MessageProxy> {
  const stall = new Stall(faults.stall);
  let number = 0;
  const { url, close } = await startProxy(port, (client, broker) => {
    const frames = new Frames((message) => {
      number += 1;
      stall.message(number);
      return Array<Buffer>(faults.copies?.(number) ?? 1).fill(message);
    });
    client.on('data', (bytes) => stall.pass(broker, frames.push(bytes)));
    broker.on('data', (bytes) => stall.pass(client, [bytes]));
  });
  return { url, stalled: stall.begun.promise, close };
}

/** Holds back all bytes for some time, once. */
class Stall {
  readonly #plan: Faults['stall'];
  #held: [Socket, Buffer][] | undefined;
  readonly begun = Promise.withResolvers<void>();

  constructor(plan: Faults['stall']) {
    this.#plan = plan;
  }

  message(number: number): void {
    if (number !== this.#plan?.before) return;
    this.#held = [];
    this.begun.resolve();
    setTimeout(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const [socket, bytes] of held) if (!socket.destroyed) socket.write(bytes);
    }, this.#plan.ms).unref();
  }

  pass(to: Socket, all: readonly Buffer[]): void {
    for (const bytes of all) {
      if (this.#held) this.#held.push([to, bytes]);
      else to.write(bytes);
    }
  }
}

/** Splits the bytes of a client into messages and everything else. */
class Frames {
  readonly #onMessage: (message: Buffer) => Buffer[];
  #rest: Buffer = Buffer.alloc(0);
  #hasGreeted = false;
  /** Frames of a message that is not complete: the method, the header, and the body. */
  #message: Buffer[] = [];

  constructor(onMessage: (message: Buffer) => Buffer[]) {
    this.#onMessage = onMessage;
  }

  push(bytes: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const out: Buffer[] = [];
    if (!this.#hasGreeted && this.#rest.length >= 8) {
      out.push(this.#cut(8));
      this.#hasGreeted = true;
    }
    while (this.#hasGreeted && this.#rest.length >= headerBytes) {
      const length = headerBytes + this.#rest.readUInt32BE(3) + 1;
      if (this.#rest.length < length) break;
      out.push(...this.#frame(this.#cut(length)));
    }
    return out;
  }

  #frame(frame: Buffer): Buffer[] {
    const isPublish = frame[0] === 1 && frame.readUInt32BE(headerBytes) === publish;
    if (this.#message.length === 0 && !isPublish) return [frame];
    this.#message.push(frame);
    if (this.#message.length < 3) return [];
    const message = Buffer.concat(this.#message);
    this.#message = [];
    return this.#onMessage(message);
  }

  #cut(length: number): Buffer {
    const cut = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return cut;
  }
}
