// A client for tests that sends any bytes, and returns the broker's frames one by one.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { decodeMethod, type MethodFields, type MethodName } from '../../src/broker/codec/methods.ts';
import { type Frame, FrameReader, greeting, header, method, nameOf } from './frames.ts';

export class Peer {
  readonly socket: Socket;
  bytesReceived = 0;
  /** Received frames that no call has returned yet. */
  readonly frames: Frame[] = [];
  readonly closed: Promise<void>;
  isClosed = false;
  /** The error of the first invalid frame. */
  failure: unknown;
  #reader = new FrameReader();
  #wake: (() => void)[] = [];

  static async connect(port: number): Promise<Peer> {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setNoDelay(true);
    await once(socket, 'connect');
    return new Peer(socket);
  }

  /** Connects, completes the handshake, and opens channels 1 to `channels` (default 1). */
  static async open(port: number, options: Parameters<typeof greeting>[0] & { channels?: number } = {}): Promise<Peer> {
    const peer = await Peer.connect(port);
    peer.send(header, ...greeting(options));
    await peer.until('connection.open-ok');
    for (let channel = 1; channel <= (options.channels ?? 1); channel++) {
      peer.send(method(channel, 'channel.open'));
      await peer.until('channel.open-ok');
    }
    return peer;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((done) => socket.on('close', () => done()));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
      this.#woken();
    });
    socket.on('data', (chunk) => {
      this.bytesReceived += chunk.length;
      try {
        this.frames.push(...this.#reader.push(chunk));
      } catch (error) {
        this.failure ??= error;
      }
      this.#woken();
    });
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts));
  }

  /** Returns the next frame, or `undefined` at the end of the connection. */
  async next(): Promise<Frame | undefined> {
    while (this.frames.length === 0) {
      if (this.failure !== undefined) throw this.failure;
      if (this.isClosed) return undefined;
      await new Promise<void>((wake) => this.#wake.push(wake));
    }
    return this.frames.shift();
  }

  /** Waits for a method, skips other frames, and returns its fields. Throws if a channel or the connection is closed first. */
  async until<N extends MethodName>(name: N): Promise<MethodFields<N>> {
    for (let found = await this.next(); found !== undefined; found = await this.next()) {
      if (nameOf(found) === name) return decodeMethod(found.payload, 0, found.payload.length).fields as MethodFields<N>;
      const isEnd = ['connection.close', 'channel.close'].includes(nameOf(found) ?? '');
      if (isEnd) throw new Error(`${nameOf(found)} instead of ${name}: ${found.payload.toString('latin1')}`);
    }
    throw new Error(`the connection ended before ${name}`);
  }

  /** Closes the connection with connection.close. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.send(method(0, 'connection.close'));
    await this.until('connection.close-ok');
    this.socket.end();
    await this.closed;
  }

  /** Checks that there is no unread frame and no invalid frame. */
  assertSilent(): void {
    assert.is(this.failure, undefined);
    assert.equal(this.frames.map(nameOf), []);
  }

  #woken(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
