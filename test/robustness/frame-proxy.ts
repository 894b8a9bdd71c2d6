// A TCP proxy that parses AMQP frames and injects one fault before a given frame. New connections after the fault are only
// forwarded.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type Side = 'client' | 'broker';

/**
 * `reset` resets both sockets. `stall` stops forwarding in one direction, `silence` in both. The proxy drops the bytes and the
 * end of a stalled direction, so the receiver must detect the fault itself.
 */
export const faultKinds = ['reset', 'stall', 'silence'] as const;

export interface Fault {
  readonly kind: (typeof faultKinds)[number];
  /** The number of the connection, counted from 0 in the order of acceptance since `begin`. */
  readonly connection: number;
  /** The side that sends the frame. */
  readonly from: Side;
  /** The index of the first frame after the fault, from 0. The protocol header counts as a frame, but a heartbeat does not. */
  readonly frame: number;
}

const heartbeat = 8;

export class FrameProxy {
  /** The number of frames of each side, by connection, since `begin`. */
  frames: Record<Side, number>[] = [];
  isInjected = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #fault: Fault | undefined;

  static async start(broker: { host: string; port: number }): Promise<FrameProxy> {
    const proxy = new FrameProxy(broker);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  private constructor(broker: { host: string; port: number }) {
    this.#server = createServer((client) => this.#accept(client, connect({ ...broker, noDelay: true })));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Restarts the counts of connections and frames, and sets the fault that will be injected. */
  begin(fault: Fault | undefined): void {
    this.frames = [];
    this.#fault = fault;
  }

  /** Resets all connections. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client: Socket, broker: Socket): void {
    const counts = { client: 0, broker: 0 };
    const connection = this.frames.push(counts) - 1;
    const stalled: Record<Side, boolean> = { client: false, broker: false };
    client.setNoDelay(true);
    for (const [from, source, target] of [
      ['client', client, broker],
      ['broker', broker, client],
    ] as const) {
      this.#sockets.add(source);
      source.on('error', () => undefined);
      source.once('close', () => {
        this.#sockets.delete(source);
        if (!stalled[from]) target.end();
      });
      const isDue = () => {
        const fault = !this.isInjected && this.frames.includes(counts) ? this.#fault : undefined;
        return fault?.connection === connection && fault.from === from && fault.frame === counts[from];
      };
      const inject = (kind: Fault['kind']) => {
        stalled[from] = true;
        if (kind === 'silence') stalled.client = stalled.broker = true;
        if (kind === 'reset') for (const socket of [client, broker]) socket.resetAndDestroy();
      };
      source.on('data', this.#forward({ isDue, counts, from, inject, target, isStalled: () => stalled[from] }));
    }
  }

  #forward(direction: {
    isDue: () => boolean;
    counts: Record<Side, number>;
    from: Side;
    inject: (kind: Fault['kind']) => void;
    target: Socket;
    isStalled: () => boolean;
  }): (chunk: Buffer) => void {
    let rest = Buffer.alloc(0);
    return (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      let at = 0;
      for (let size = frameSize(rest, at); size > 0 && !direction.isStalled(); size = frameSize(rest, at)) {
        if (rest[at] !== heartbeat) {
          if (direction.isDue()) {
            this.isInjected = true;
            if (at > 0) direction.target.write(rest.subarray(0, at));
            direction.inject((this.#fault as Fault).kind);
            return;
          }
          direction.counts[direction.from] += 1;
        }
        at += size;
      }
      if (at > 0) direction.target.write(rest.subarray(0, at));
      rest = Buffer.from(rest.subarray(at));
    };
  }
}

/** Returns the size of the frame that begins at `at`, or 0 if the frame is incomplete (AMQP 0-9-1, 4.2.2 and 4.2.3). */
function frameSize(bytes: Buffer, at: number): number {
  if (bytes.length - at < 8) return 0;
  if (bytes.toString('latin1', at, at + 4) === 'AMQP') return 8;
  const size = bytes.readUInt32BE(at + 3) + 8;
  if (bytes.length - at < size) return 0;
  if (bytes[at + size - 1] !== 0xce) throw new Error(`no frame end after ${size} bytes`);
  return size;
}
