// A simulated TCP socket: the methods of net.Socket that mq and amqplib use, over segments with latency.

import { Duplex } from 'node:stream';
import type { Address, Network } from './network.ts';
import { SimulatedTimer } from './timers.ts';
import type { Owner } from './world.ts';

type Done = (error?: Error | null) => void;

/** A segment on its way to the peer. FIN has no bytes. */
type Segment = Buffer | 'fin';

export class SimulatedSocket extends Duplex {
  readonly owner: Owner | undefined;
  connecting = false;
  pending = true;
  remoteAddress: string | undefined;
  remotePort: number | undefined;
  remoteFamily = 'IPv4';
  localAddress: string | undefined;
  localPort: number | undefined;
  bytesRead = 0;
  bytesWritten = 0;
  readonly #network: Network;
  /** Name of the machine. All machines have the address of the loopback, from which the broker accepts guest. */
  readonly #host: string;
  #peer: SimulatedSocket | undefined;
  /** Segments that are on their way to the peer, or that the peer has not read. */
  #inFlight: Segment[] = [];
  #flightBytes = 0;
  /** Earliest time at which the next segment may arrive, because TCP keeps the order. */
  #lastArrival = 0;
  /** Segments that have arrived here, but were not read. */
  #arrived: Segment[] = [];
  #isReading = false;
  /** True if the process has ended. */
  #isVanished = false;
  #onRoom: Done | undefined;
  #onConnected: (() => void)[] = [];
  #timeout: SimulatedTimer | undefined;
  #timeoutMs = 0;

  constructor(network: Network, allowHalfOpen = false) {
    super({ allowHalfOpen, emitClose: true, autoDestroy: true });
    this.#network = network;
    this.owner = network.world.owner;
    if (this.owner === undefined) throw new Error('only a process of the world can open a socket');
    this.#host = hostOf(this.owner);
    network.sockets.add(this);
  }

  /** Starts to connect. */
  connectTo({ host, port }: Address): this {
    this.connecting = true;
    if (this.owner?.isAlive === false) return this;
    this.localAddress = loopback;
    this.localPort = this.#network.newPort();
    this.remoteAddress = host;
    this.remotePort = Number(port);
    this.#network.connect(this, { host, port: Number(port) }, this.#host);
    return this;
  }

  /** Completes a connection on the side of the server. The SYN-ACK then completes it for the client. */
  accept(client: SimulatedSocket, port: number): void {
    this.pending = false;
    this.localAddress = loopback;
    this.localPort = port;
    this.remoteAddress = loopback;
    this.remotePort = client.localPort;
    this.#peer = client;
    const { world } = this.#network;
    const delay = this.#network.latency(this.#network.link(this.#host, client.#host));
    this.#lastArrival = world.now + delay;
    // The kernel of the client completes the connection, also if the process does not run.
    world.later(delay, () => {
      if (client.#isVanished || client.destroyed) return void world.after(delay, () => this.receiveReset(), this.owner);
      client.#peer = this;
      world.after(0, () => client.#connected(), client.owner);
    });
  }

  #connected(): void {
    if (this.destroyed) return;
    this.connecting = false;
    this.pending = false;
    for (const each of this.#onConnected.splice(0)) each();
    this.emit('connect');
    this.emit('ready');
  }

  override _read(): void {
    this.#isReading = true;
    this.#deliver();
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    if (this.connecting) this.#onConnected.push(() => this._write(chunk, _encoding, done));
    else this.#send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    if (this.connecting) this.#onConnected.push(() => this._writev(chunks, done));
    else
      this.#send(
        chunks.map(({ chunk }) => chunk),
        done,
      );
  }

  override _final(done: Done): void {
    if (this.connecting) return void this.#onConnected.push(() => this._final(done));
    this.#finish();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#network.sockets.delete(this);
    this.#timeout?.cancel();
    const peer = this.#peer;
    // A socket that is closed with unread data, or before its end, resets the connection.
    if (peer && !this.#isVanished && !(this.writableFinished && this.#arrived.length === 0)) this.#reset();
    if (peer && this.#inFlight.length > 0) this.#network.unsent.add(this);
    this.#forget();
    this.connecting = false;
    done(error);
  }

  /**
   * Ends the references between two sides that are closed, when nothing is on its way between them. A process that works would
   * otherwise keep the memory of those that have ended.
   */
  #forget(): void {
    const peer = this.#peer;
    if (this.#inFlight.length === 0) this.#network.unsent.delete(this);
    if (!peer?.destroyed || !this.destroyed || this.#inFlight.length + peer.#inFlight.length > 0) return;
    this.#peer = undefined;
    peer.#peer = undefined;
  }

  /** Sends a reset and destroys this side, as a firewall or a proxy does. */
  cut(): void {
    const { world } = this.#network;
    for (const side of [this, this.#peer]) if (side) world.after(0, () => side.receiveReset(), side.owner);
  }

  receiveReset(): void {
    if (this.destroyed) return;
    this.#arrived = [];
    this.destroy(connectionError('read', 'ECONNRESET', undefined));
  }

  /** Ends both sides, because the process of this socket has ended. */
  vanish(isReset: boolean): void {
    const peer = this.#peer;
    // Linux resets a connection whose data was not read.
    const isUnread = this.#arrived.length > 0 || (peer !== undefined && peer.#inFlight.length > 0);
    if (isReset || isUnread) this.#reset();
    else this.#finish();
    this.#isVanished = true;
    this.receiveReset();
  }

  #finish(): void {
    this.#inFlight.push('fin');
    this.#schedule();
  }

  /** Resets the side of the peer. A reset that is lost is not sent again, but the kernel of the peer asks again and again. */
  #reset(): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    if (this.#network.link(this.#host, peer.#host).isHeld) this.#finish();
    else this.#network.world.after(this.#latencyTo(peer), () => peer.receiveReset(), peer.owner);
  }

  /** Delivers the segments that a link has held back. */
  releaseFrom(from: string, to: string): void {
    const peer = this.#peer;
    if (peer === undefined || this.#host !== from || peer.#host !== to) return;
    this.#network.unsent.delete(this);
    this.#schedule();
  }

  #send(chunks: readonly Buffer[], done: Done): void {
    this.#network.world.effect(this.owner, () => this.#put(chunks, done));
  }

  #put(chunks: readonly Buffer[], done: Done): void {
    this.#refreshTimeout();
    // The caller may use its buffers again, as after a write to the kernel.
    const bytes = Buffer.concat(chunks);
    this.bytesWritten += bytes.length;
    const { segmentBytes } = this.#network;
    for (let start = 0; start < bytes.length; start += segmentBytes)
      this.#inFlight.push(bytes.subarray(start, Math.min(bytes.length, start + segmentBytes)));
    this.#flightBytes += bytes.length;
    this.#schedule();
    if (this.#flightBytes < this.#network.bufferBytes) done();
    else this.#onRoom = done;
  }

  /** Schedules the arrival of all segments on their way. */
  #schedule(): void {
    const peer = this.#peer;
    if (peer === undefined || this.#inFlight.length === 0) return;
    if (this.#network.link(this.#host, peer.#host).isHeld) return;
    const { world } = this.#network;
    if (peer.#isVanished) {
      const hasData = this.#inFlight.splice(0).some((segment) => segment !== 'fin');
      this.#forget();
      // RFC 9293, 3.5.2: a segment for a closed connection is answered by a reset.
      if (hasData) world.after(2 * this.#latencyTo(peer), () => this.receiveReset(), this.owner);
      return;
    }
    const at = Math.max(this.#lastArrival, world.now + this.#latencyTo(peer));
    this.#lastArrival = at;
    world.after(at - world.now, () => this.#arrive(peer), peer.owner);
  }

  /** Moves all segments to the peer, unless the link is held. */
  #arrive(peer: SimulatedSocket): void {
    if (this.#inFlight.length === 0 || this.#network.link(this.#host, peer.#host).isHeld) return;
    const segments = this.#inFlight.splice(0);
    this.#forget();
    const { trace, now } = this.#network.world;
    for (const segment of segments) {
      if (segment !== 'fin') trace.bytes(segment);
    }
    trace.number(Math.round(now * 1000));
    if (peer.destroyed) {
      // RFC 9293, 3.5.2: a segment for a closed connection is answered by a reset.
      if (segments.some((segment) => segment !== 'fin')) {
        this.#network.world.after(this.#latencyTo(peer), () => this.receiveReset(), this.owner);
      }
      return;
    }
    peer.#arrived.push(...segments);
    peer.#refreshTimeout();
    peer.#deliver();
  }

  /** Passes arrived segments to the reader. */
  #deliver(): void {
    while (this.#isReading && this.#arrived.length > 0 && !this.destroyed) {
      const segment = this.#arrived.shift();
      if (segment === undefined || segment === 'fin') {
        this.push(null);
        return;
      }
      this.bytesRead += segment.length;
      this.#isReading = this.push(segment);
      // An optional chain cannot contain a private name.
      if (this.#peer) this.#peer.#consumed(segment.length);
    }
  }

  #consumed(bytes: number): void {
    this.#flightBytes -= bytes;
    const done = this.#onRoom;
    if (done === undefined || this.#flightBytes >= this.#network.bufferBytes) return;
    this.#onRoom = undefined;
    this.#network.world.after(0, () => done(), this.owner);
  }

  #latencyTo(peer: SimulatedSocket): number {
    return this.#network.latency(this.#network.link(this.#host, peer.#host));
  }

  setTimeout(ms: number, onTimeout?: () => void): this {
    if (onTimeout) this.once('timeout', onTimeout);
    this.#timeoutMs = ms;
    this.#refreshTimeout();
    return this;
  }

  #refreshTimeout(): void {
    this.#timeout?.cancel();
    this.#timeout = undefined;
    if (this.#timeoutMs > 0 && !this.destroyed)
      this.#timeout = new SimulatedTimer(this.#network.world, () => this.emit('timeout'), this.#timeoutMs);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  address(): { address: string | undefined; port: number | undefined } {
    return { address: this.localAddress, port: this.localPort };
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    return this.destroy();
  }
}

const loopback = '127.0.0.1';

/** Returns the name of the machine on which a process runs. */
export function hostOf(owner: Owner | undefined): string {
  return owner?.host ?? loopback;
}

/** Returns an error as node:net reports it. */
export function connectionError(syscall: string, code: string, address: Address | undefined): Error {
  const at = address ? ` ${address.host}:${address.port}` : '';
  return Object.assign(new Error(`${syscall} ${code}${at}`), {
    code,
    syscall,
    ...(address && { address: address.host, port: address.port }),
  });
}
