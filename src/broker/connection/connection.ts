// One client connection: its frames, its channels, its heartbeats, its end. An error of connection scope ends here.

import type { Socket } from 'node:net';
import { MqError } from '../../errors.ts';
import type { Timer } from '../clock.ts';
import { frameOverhead, frameTypes, octetsText } from '../codec/frames.ts';
import { decodeMethod, type Method, methodKey } from '../codec/methods.ts';
import { ProtocolError, replyCodes } from '../protocol-error.ts';
import type { Queue } from '../queue/queue.ts';
import { forEach, type Work } from '../slices.ts';
import type { User } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { BrokerState } from './broker-state.ts';
import { Channel, closeFields } from './channel.ts';
import { acceptedHeaders, Handshake, type Limits, mechanisms, protocolHeader, serverProperties } from './handshake.ts';
import { startHeartbeat } from './heartbeat.ts';
import { Intake } from './intake.ts';
import { Output } from './output.ts';
import type { Replies } from './reply-to.ts';
import type { Flushable } from './turn.ts';

const handshakeMs = 10_000;
/** RabbitMQ 4.3: a client that has not logged in sends no payload of more than 8192 bytes. */
const firstFrameMax = 8192 + frameOverhead;
/** How long a peer has to answer connection.close. */
const closeMs = 3_000;
export class Connection {
  readonly output: Output;
  /** As the logs and the management name it. */
  readonly name: string;
  readonly connectedAt: number;
  readonly channels = new Map<number, Channel>();
  readonly #broker: BrokerState;
  readonly #socket: Socket;
  readonly #intake: Intake;
  readonly #handshake: Handshake;
  readonly #exclusive = new Set<Queue>();
  #state: 'header' | 'handshake' | 'running' | 'closing' | 'closed' = 'header';
  #header = Buffer.alloc(0);
  /** Class id and method id of the method of the connection class that is being answered. */
  #method = 0;
  #vhost: VirtualHost | undefined;
  #limitTimer: Timer | undefined;
  #beat: Timer | undefined;
  #isSeen = true;
  #hasPublished = false;
  #isBlocked = false;
  bytesReceived = 0;
  #chunks = 0;

  constructor(socket: Socket, broker: BrokerState) {
    this.#socket = socket;
    this.#broker = broker;
    this.name = `${socket.remoteAddress}:${socket.remotePort} -> ${socket.localAddress}:${socket.localPort}`;
    this.connectedAt = broker.clock.date();
    const { users, vhosts, limits: offered } = broker;
    this.#handshake = new Handshake({ users, vhosts, offered, peer: socket.remoteAddress });
    this.#intake = new Intake(socket, {
      slices: broker.slices,
      frameMax: firstFrameMax,
      store: broker.store,
      onFrame: (type, channel, buffer, start, end) => this.#takeFrame(type, channel, buffer, start, end),
      onError: (error) => {
        if (error instanceof ProtocolError) this.#refuse(error, error.methodKey ?? this.#method);
        else this.fail(error);
      },
      onParked: () => this.sawPublish(),
      maySettle: (channel) => this.channels.get(channel)?.publisher.isConfirming === true,
      awaitsContent: (channel) => this.channels.get(channel)?.publisher.awaitsContent === true,
    });
    this.output = new Output(socket, {
      frameMax: broker.limits.frameMax,
      onFirst: () => broker.turn.add(this.output),
      onRoom: () => {
        for (const channel of this.channels.values()) channel.deliveries.wake();
      },
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#takeChunk(chunk));
    // A client that has gone, in whatever way.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => this.#intake.whenRead(() => socket.destroy()));
    socket.on('close', () => this.#gone());
    this.#limitTimer = broker.clock.after(handshakeMs, () => socket.destroy());
  }

  /** Known from the handshake on. */
  get user(): User {
    return this.#handshake.user as User;
  }

  get vhost(): VirtualHost | undefined {
    return this.#vhost;
  }

  get replies(): Replies {
    return this.#broker.replies;
  }

  get limits(): Limits {
    return this.#handshake.limits;
  }

  /** What the management shows of it. */
  get details() {
    const { mechanism, clientProperties } = this.#handshake;
    const { remoteAddress, remotePort, localAddress, localPort } = this.#socket;
    return {
      state: this.#isBlocked && this.#hasPublished ? 'blocked' : this.#state,
      mechanism,
      clientProperties: clientProperties?.values ?? {},
      remoteAddress,
      remotePort,
      localAddress,
      localPort,
      bytesSent: this.output.bytes,
      bytesReceived: this.bytesReceived,
      writes: this.output.writes,
      chunks: this.#chunks,
      waitingBytes: this.output.waitingBytes,
      isEncrypted: 'encrypted' in this.#socket,
    };
  }

  log(line: string): void {
    this.#broker.log(line);
  }

  /** Whether the client said in its properties that it understands something. */
  can(capability: string): boolean {
    const capabilities = this.#handshake.clientProperties?.get('capabilities');
    return typeof capabilities === 'object' && (capabilities as Record<string, unknown> | null)?.[capability] === true;
  }

  later(flushable: Flushable): void {
    this.#broker.turn.add(flushable);
  }

  /** Does work of a channel after all earlier work of this connection. Until it is done nothing is read from the client. */
  inOrder(work: Work, done?: () => void): void {
    this.#intake.inOrder(work, done);
  }

  /** Ends one `output.hold` when everything that was changed until now is on disk. */
  releaseWhenStored(): void {
    const { store } = this.#broker;
    if (store === undefined) this.output.release();
    else
      store.committed((error) => {
        if (error !== undefined) this.fail(error);
        this.output.release();
      });
  }

  /** An exclusive queue, which goes when the connection goes. */
  ownQueue(queue: Queue): void {
    this.#exclusive.add(queue);
  }

  forget(channel: Channel): void {
    if (this.channels.delete(channel.number)) this.#broker.churn.channel_closed++;
  }

  /** RabbitMQ sends connection.blocked to the connections that publish, not to those that only consume. */
  sawPublish(): void {
    if (this.#hasPublished) return;
    this.#hasPublished = true;
    if (this.#isBlocked) this.#sendBlocked();
  }

  /** Memory is short, or no longer. */
  block(isHigh: boolean): void {
    if (this.#state !== 'running' || this.#isBlocked === isHigh) return;
    this.#isBlocked = isHigh;
    if (this.#hasPublished) this.#sendBlocked();
    if (isHigh) this.#intake.block();
    else this.#intake.unblock();
  }

  #sendBlocked(): void {
    if (!this.can('connection.blocked')) return;
    if (this.#isBlocked) this.output.method(0, 'connection.blocked', { reason: 'low on memory' });
    else this.output.method(0, 'connection.unblocked', {});
  }

  /** Ends the connection for a reason that is no fault of the client's. */
  close(reason: string): void {
    this.#refuse(new ProtocolError('CONNECTION_FORCED', reason), 0);
  }

  /** A bug or a broken disk: nothing more can be promised to this client. */
  fail(error: unknown): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    // Answers that wait for the disk would be false.
    this.output.discard();
    // The store has reported its own failure.
    if (!(error instanceof MqError)) this.log(`${this.name}: ${(error as Error | undefined)?.stack ?? error}`);
    this.#refuse(new ProtocolError('INTERNAL_ERROR', 'the broker failed'), 0);
  }

  #takeChunk(chunk: Buffer): void {
    this.#isSeen = true;
    this.bytesReceived += chunk.length;
    this.#chunks++;
    if (this.#state === 'header') this.#takeHeader(chunk);
    else if (this.#state !== 'closed') this.#intake.push(chunk);
  }

  #takeHeader(chunk: Buffer): void {
    this.#header = Buffer.concat([this.#header, chunk]);
    const { length } = protocolHeader;
    const common = Math.min(length, this.#header.length);
    const start = this.#header.subarray(0, common);
    if (!acceptedHeaders.some((header) => start.equals(header.subarray(0, common)))) {
      // AMQP 0-9-1, 4.2.2: the header that is understood here, and the end.
      this.#state = 'closed';
      this.#socket.end(protocolHeader);
      return;
    }
    if (common < length) return;
    const rest = this.#header.subarray(length);
    this.#header = Buffer.alloc(0);
    this.#state = 'handshake';
    this.output.method(0, 'connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: serverProperties(this.#broker),
      mechanisms,
      locales: 'en_US',
    });
    if (rest.length > 0) this.#intake.push(rest);
  }

  #takeFrame(type: number, number: number, buffer: Buffer, start: number, end: number): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'closing') {
      this.#takeWhileClosing(type, number, buffer, start);
      return;
    }
    if (type === frameTypes.heartbeat) {
      if (number === 0 && start === end) return;
      const text = `type 8, ${octetsText(buffer, start, end)}`;
      throw start === end
        ? new ProtocolError('UNEXPECTED_FRAME', text)
        : new ProtocolError('FRAME_ERROR', `${text}: unknown_frame`);
    }
    if (type < frameTypes.method || type > frameTypes.body) {
      throw new ProtocolError('FRAME_ERROR', `type ${type}, ${octetsText(buffer, start, end)}: unknown_frame`);
    }
    if (number === 0) {
      if (type !== frameTypes.method) {
        throw new ProtocolError('UNEXPECTED_FRAME', `type ${type}, ${octetsText(buffer, start, end)}`);
      }
      this.#method = end - start >= 4 ? buffer.readUInt32BE(start) : 0;
      this.#dispatch(decodeMethod(buffer, start, end));
      this.#method = 0;
      return;
    }
    if (this.#state !== 'running')
      throw new ProtocolError('CHANNEL_ERROR', 'expected a method of the connection class');
    const channel = this.channels.get(number);
    if (channel !== undefined) channel.take(type, buffer, start, end);
    else this.#openChannel(type, number, buffer, start, end);
  }

  #dispatch(method: Method): void {
    if (method.name === 'connection.close') {
      for (const channel of this.channels.values()) channel.flush();
      this.output.method(0, 'connection.close-ok', {});
      this.#end();
    } else if (this.#state === 'handshake') {
      const vhost = this.#handshake.take(method, (answer) => this.#negotiate(answer));
      if (vhost !== undefined) this.#open(vhost);
    } else if (method.name === 'connection.update-secret') {
      // RabbitMQ: passwords do not expire, so its internal backend accepts a new secret and changes nothing.
      this.output.method(0, 'connection.update-secret-ok', {});
    } else if (method.name !== 'connection.close-ok') {
      throw new ProtocolError('CHANNEL_ERROR', 'unexpected method in connection state running');
    }
  }

  #negotiate(answer: 'tune' | 'tuned'): void {
    if (answer === 'tune') {
      const { channelMax, frameMax, heartbeat } = this.#broker.limits;
      this.output.method(0, 'connection.tune', { channelMax, frameMax, heartbeat });
      return;
    }
    const { frameMax, heartbeat } = this.#handshake.limits;
    this.#intake.frameMax = frameMax;
    this.output.frameMax = frameMax;
    if (heartbeat > 0) this.#startHeartbeat(heartbeat * 1000);
  }

  #open(vhost: VirtualHost): void {
    this.#limitTimer?.cancel();
    this.#vhost = vhost;
    vhost.connectionCount++;
    this.#state = 'running';
    this.block(this.#broker.memory.isHigh);
    this.output.method(0, 'connection.open-ok', { reserved1: '' });
    this.#broker.onOpen(this);
  }

  #openChannel(type: number, number: number, buffer: Buffer, start: number, end: number): void {
    const key = type === frameTypes.method && end - start >= 4 ? buffer.readUInt32BE(start) : 0;
    if (key !== methodKey(20, 10)) throw new ProtocolError('CHANNEL_ERROR', "expected 'channel.open'");
    const { channelMax } = this.#handshake.limits;
    // RabbitMQ counts the channels, whatever their numbers are.
    if (channelMax > 0 && this.channels.size >= channelMax) {
      throw new ProtocolError(
        'NOT_ALLOWED',
        `number of channels opened (${this.channels.size}) has reached the negotiated channel_max (${channelMax})`,
      );
    }
    const channel = new Channel(number, this, this.#vhost as VirtualHost);
    this.#broker.churn.channel_created++;
    this.channels.set(number, channel);
    channel.send('channel.open-ok', { reserved1: '' });
  }

  #startHeartbeat(intervalMs: number): void {
    this.#beat = startHeartbeat(this.#broker.clock, intervalMs, {
      isHeard: () => {
        const isHeard = this.#isSeen || this.#intake.isWaiting;
        this.#isSeen = false;
        return isHeard;
      },
      send: () => this.output.heartbeat(),
      giveUp: () => {
        this.log(`${this.name}: missed heartbeats from the client`);
        this.#socket.destroy();
      },
    });
  }

  #takeWhileClosing(type: number, number: number, buffer: Buffer, start: number): void {
    if (type !== frameTypes.method || number !== 0) return;
    const key = buffer.readUInt32BE(start);
    if (key === methodKey(10, 50)) this.output.method(0, 'connection.close-ok', {});
    if (key === methodKey(10, 50) || key === methodKey(10, 51)) this.#end();
  }

  #refuse(error: ProtocolError, key: number): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.log(`${this.name}: ${error.logText}`);
    for (const channel of this.channels.values()) channel.flush();
    this.#intake.end();
    this.#releaseChannels();
    // RabbitMQ: a client that would not understand is left without a word, and after a while.
    const isSilent =
      error.replyCode === replyCodes.ACCESS_REFUSED &&
      this.#state === 'handshake' &&
      !this.can('authentication_failure_close');
    if (isSilent || this.#state === 'header') {
      this.#end();
      return;
    }
    this.#state = 'closing';
    this.output.method(0, 'connection.close', { ...closeFields(error), classId: key >>> 16, methodId: key & 0xffff });
    this.#limitTimer?.cancel();
    this.#limitTimer = this.#broker.clock.after(closeMs, () => this.#socket.destroy());
  }

  /** Everything is said. */
  #end(): void {
    this.#intake.end();
    this.#releaseChannels();
    this.#state = 'closed';
    this.#beat?.cancel();
    this.#intake.stop();
    this.output.end();
    this.#limitTimer?.cancel();
    this.#limitTimer = this.#broker.clock.after(closeMs, () => this.#socket.destroy());
  }

  #gone(): void {
    this.#intake.end();
    this.#state = 'closed';
    this.#intake.stop();
    this.#limitTimer?.cancel();
    this.#beat?.cancel();
    this.#releaseChannels();
    if (this.#vhost !== undefined) this.#vhost.connectionCount--;
    this.#broker.onGone(this);
  }

  #releaseChannels(): void {
    // All of them first: what one gives back must not go to the next, which would count as one more failure.
    for (const channel of this.channels.values()) channel.isClosing = true;
    this.output.hold();
    for (const channel of this.channels.values()) channel.release();
    this.#broker.churn.channel_closed += this.channels.size;
    this.channels.clear();
    this.inOrder(
      forEach(this.#exclusive, (queue) => this.#vhost?.removeQueue(queue)),
      () => this.output.release(),
    );
  }
}
