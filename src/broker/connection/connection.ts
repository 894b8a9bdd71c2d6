// One client connection, from the protocol header to the close. It passes frames to its channels, and catches the errors of
// connection scope.

import type { Socket } from 'node:net';
import { MqError } from '../../errors.ts';
import type { Timer } from '../clock.ts';
import { frameOverhead, frameTypes, octetsText } from '../codec/frames.ts';
import { decodeMethod, type Method, methodKey } from '../codec/methods.ts';
import { isTable } from '../codec/table.ts';
import type { Interference } from '../interference.ts';
import { ProtocolError, replyCodes } from '../protocol-error.ts';
import type { Queue } from '../queue/queue.ts';
import { forEach, type Work } from '../slices.ts';
import type { User } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { BrokerState, Limits } from './broker-state.ts';
import { closeFields } from './channel.ts';
import type { ConnectionScope } from './channel-scope.ts';
import { Channels } from './channels.ts';
import type { Flushable } from './end-of-tick.ts';
import { Handshake } from './handshake.ts';
import { PublishBlock } from './publish-block.ts';
import type { Replies } from './reply-to.ts';
import { assertHeartbeat, Heartbeats } from './socket/heartbeats.ts';
import { Intake } from './socket/intake.ts';
import { Latency } from './socket/latency.ts';
import { Output } from './socket/output.ts';
import { ProtocolHeaderReader, protocolHeader } from './socket/protocol-header.ts';

const handshakeMs = 10_000;
/** RabbitMQ 4.3: before the login, a frame has at most 8192 bytes of payload. */
const firstFrameMax = 8192 + frameOverhead;
/** If the socket is still open this long after connection.close or connection.close-ok, it is destroyed. */
const closeMs = 3_000;

const channelOpenKey = methodKey(20, 10);
const closeKey = methodKey(10, 50);
const closeOkKey = methodKey(10, 51);

export interface ConnectionEvents {
  /** Called when the handshake is done. */
  onOpen(connection: Connection): void;
  /** Called when the socket is closed. */
  onGone(connection: Connection): void;
}

export class Connection implements ConnectionScope {
  readonly output: Output;
  /** The name in logs and in the management API. */
  readonly name: string;
  readonly connectedAt: number;
  readonly channels: Channels;
  readonly #broker: BrokerState;
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #intake: Intake;
  readonly #header = new ProtocolHeaderReader();
  readonly #handshake: Handshake;
  readonly #publishBlock: PublishBlock;
  readonly #heartbeats: Heartbeats;
  readonly #exclusiveQueues = new Map<string, Queue>();
  #state: 'header' | 'handshake' | 'running' | 'closing' | 'closed' = 'header';
  /** Class id and method id of the method on channel 0 that is being processed. */
  #methodKey = 0;
  #vhost: VirtualHost | undefined;
  /** Destroys the socket if the handshake or the close exceeds its time limit. */
  #limitTimer: Timer | undefined;
  #bytesReceived = 0;
  #chunks = 0;

  constructor(socket: Socket, broker: BrokerState, events: ConnectionEvents) {
    this.#socket = socket;
    this.#broker = broker;
    this.#events = events;
    this.name = `${socket.remoteAddress}:${socket.remotePort} -> ${socket.localAddress}:${socket.localPort}`;
    this.connectedAt = broker.clock.date();
    this.channels = new Channels(broker.churn);
    this.#publishBlock = new PublishBlock((isBlocked) => this.#notifyBlocked(isBlocked));
    this.#intake = this.#newIntake();
    this.output = new Output(socket, {
      frameMax: broker.limits.frameMax,
      onFirst: () => broker.endOfTick.add(this.output),
      onRoom: () => this.channels.wake(),
      latency: Latency.of(broker, this),
    });
    this.#handshake = new Handshake({
      broker,
      output: this.output,
      socket,
      onTuned: ({ frameMax, heartbeat }) => {
        this.#intake.frameMax = frameMax;
        this.output.frameMax = frameMax;
        if (heartbeat > 0) this.#heartbeats.start(heartbeat * 1000);
      },
    });
    this.#heartbeats = new Heartbeats({
      clock: broker.clock,
      isReadingPaused: () => this.#intake.isWaiting,
      send: () => this.output.heartbeat(),
      onTimeout: () => {
        this.log(`${this.name}: missed heartbeats from the client`);
        socket.destroy();
      },
    });
    this.#listen(socket);
    this.#limitTimer = broker.clock.after(handshakeMs, () => socket.destroy());
  }

  #listen(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#receiveChunk(chunk));
    // The event 'close' follows. Its handler cleans up.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => this.#intake.whenRead(() => socket.destroy()));
    socket.on('close', () => this.#onSocketClosed());
  }

  #newIntake(): Intake {
    return new Intake(this.#socket, {
      slices: this.#broker.slices,
      frameMax: firstFrameMax,
      store: this.#broker.store,
      onFrame: (type, channel, buffer, start, end) => this.#receiveFrame(type, channel, buffer, start, end),
      onError: (error) => {
        if (error instanceof ProtocolError) this.#refuse(error, error.methodKey ?? this.#methodKey);
        else this.fail(error);
      },
      onParked: () => this.recordPublish(),
      maySettle: (channel) => this.channels.get(channel)?.publisher.isConfirming === true,
      awaitsContent: (channel) => this.channels.get(channel)?.publisher.awaitsContent === true,
    });
  }

  /** The user that has logged in. */
  get user(): User {
    const { user } = this.#handshake;
    if (user === undefined) throw new Error('the client has not logged in');
    return user;
  }

  /** `undefined` during the handshake. */
  get vhost(): VirtualHost | undefined {
    return this.#vhost;
  }

  get replies(): Replies {
    return this.#broker.replies;
  }

  get interference(): Interference | undefined {
    return this.#broker.interference;
  }

  get limits(): Limits {
    return this.#handshake.limits;
  }

  /** The values that the management API shows. */
  get details() {
    const { mechanism, clientProperties } = this.#handshake;
    const { remoteAddress, remotePort, localAddress, localPort } = this.#socket;
    return {
      state: this.#publishBlock.isEffective ? 'blocked' : this.#state,
      mechanism,
      clientProperties: clientProperties?.values ?? {},
      remoteAddress,
      remotePort,
      localAddress,
      localPort,
      bytesSent: this.output.bytes,
      bytesReceived: this.#bytesReceived,
      writes: this.output.writes,
      chunks: this.#chunks,
      waitingBytes: this.output.waitingBytes,
      isEncrypted: 'encrypted' in this.#socket,
    };
  }

  log(line: string): void {
    this.#broker.log(line);
  }

  hasCapability(capability: string): boolean {
    const capabilities = this.#handshake.clientProperties?.get('capabilities');
    return isTable(capabilities) && capabilities[capability] === true;
  }

  flushLater(flushable: Flushable): void {
    this.#broker.endOfTick.add(flushable);
  }

  inOrder(work: Work, done?: () => void): void {
    this.#intake.inOrder(work, done);
  }

  releaseWhenStored(): void {
    const { store } = this.#broker;
    if (store === undefined) this.output.release();
    else
      store.committed((error) => {
        if (error !== undefined) this.fail(error);
        this.output.release();
      });
  }

  ownQueue(queue: Queue): void {
    this.#exclusiveQueues.set(queue.name, queue);
  }

  forgetQueue({ name }: { readonly name: string }): void {
    this.#exclusiveQueues.delete(name);
  }

  removeChannel(channel: { readonly number: number }): void {
    this.channels.remove(channel);
  }

  recordPublish(): void {
    this.#publishBlock.recordPublish();
  }

  /** Blocks the publishes of the client if memory is short, and unblocks them otherwise. */
  block(isMemoryShort: boolean): void {
    if (this.#state !== 'running' || !this.#publishBlock.set(isMemoryShort)) return;
    if (isMemoryShort) this.#intake.block();
    else this.#intake.unblock();
  }

  #notifyBlocked(isBlocked: boolean): void {
    if (!this.hasCapability('connection.blocked')) return;
    if (isBlocked) this.output.method(0, 'connection.blocked', { reason: 'low on memory' });
    else this.output.method(0, 'connection.unblocked', {});
  }

  /** Closes the connection with 320, for a reason that is not the client's fault. */
  close(reason: string): void {
    this.#refuse(new ProtocolError('CONNECTION_FORCED', reason), 0);
  }

  fail(error: unknown): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    // Answers that wait for the disk are dropped, because they confirm changes that may not be stored.
    this.output.discard();
    // The store has already logged its failure.
    if (!(error instanceof MqError)) {
      this.log(`${this.name}: ${error instanceof Error ? error.stack : error}`);
    }
    this.#refuse(new ProtocolError('INTERNAL_ERROR', 'the broker failed'), 0);
  }

  #receiveChunk(chunk: Buffer): void {
    this.#heartbeats.received();
    this.#bytesReceived += chunk.length;
    this.#chunks++;
    if (this.#state === 'header') this.#receiveHeader(chunk);
    else if (this.#state !== 'closed') this.#intake.push(chunk);
  }

  #receiveHeader(chunk: Buffer): void {
    const rest = this.#header.push(chunk);
    if (rest === 'incomplete') return;
    if (rest === 'unknown') {
      // AMQP 0-9-1, 4.2.2: the server answers with the header that it accepts, and closes the socket.
      this.#state = 'closed';
      this.#socket.end(protocolHeader);
      return;
    }
    this.#state = 'handshake';
    this.#handshake.begin();
    if (rest.length > 0) this.#intake.push(rest);
  }

  #receiveFrame(type: number, number: number, buffer: Buffer, start: number, end: number): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'closing') {
      this.#receiveWhileClosing(type, number, buffer, start);
      return;
    }
    if (type < frameTypes.method || type > frameTypes.body) {
      assertHeartbeat(type, number, buffer, start, end);
      return;
    }
    if (number === 0) {
      this.#receiveMethod(type, buffer, start, end);
      return;
    }
    const channel = this.channels.get(number);
    if (channel !== undefined) channel.receive(type, buffer, start, end);
    else this.#openChannel(type, number, buffer, start, end);
  }

  /** Receives a frame of channel 0. */
  #receiveMethod(type: number, buffer: Buffer, start: number, end: number): void {
    if (type !== frameTypes.method) {
      throw new ProtocolError('UNEXPECTED_FRAME', `type ${type}, ${octetsText(buffer, start, end)}`);
    }
    this.#methodKey = end - start >= 4 ? buffer.readUInt32BE(start) : 0;
    this.#dispatch(decodeMethod(buffer, start, end));
    this.#methodKey = 0;
  }

  #dispatch(method: Method): void {
    if (method.name === 'connection.close') {
      this.channels.flush();
      this.output.method(0, 'connection.close-ok', {});
      this.#end();
    } else if (this.#state === 'handshake') {
      const vhost = this.#handshake.receive(method);
      if (vhost !== undefined) this.#open(vhost);
    } else if (method.name === 'connection.update-secret') {
      this.#handshake.updateSecret(method.fields);
      this.output.method(0, 'connection.update-secret-ok', {});
    } else if (method.name !== 'connection.close-ok') {
      throw new ProtocolError('CHANNEL_ERROR', 'unexpected method in connection state running');
    }
  }

  #open(vhost: VirtualHost): void {
    this.#limitTimer?.cancel();
    this.#vhost = vhost;
    vhost.connectionCount++;
    this.#state = 'running';
    this.block(this.#broker.memory.isHigh);
    this.output.method(0, 'connection.open-ok', { reserved1: '' });
    this.#events.onOpen(this);
  }

  #openChannel(type: number, number: number, buffer: Buffer, start: number, end: number): void {
    if (this.#state !== 'running' || this.#vhost === undefined) {
      throw new ProtocolError('CHANNEL_ERROR', 'expected a method of the connection class');
    }
    const key = type === frameTypes.method && end - start >= 4 ? buffer.readUInt32BE(start) : 0;
    if (key !== channelOpenKey) throw new ProtocolError('CHANNEL_ERROR', "expected 'channel.open'");
    this.channels.open(number, { owner: this, vhost: this.#vhost, channelMax: this.limits.channelMax });
  }

  #receiveWhileClosing(type: number, number: number, buffer: Buffer, start: number): void {
    if (type !== frameTypes.method || number !== 0) return;
    const key = buffer.readUInt32BE(start);
    if (key === closeKey) this.output.method(0, 'connection.close-ok', {});
    if (key === closeKey || key === closeOkKey) this.#end();
  }

  #refuse(error: ProtocolError, key: number): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.log(`${this.name}: ${error.logText}`);
    this.channels.flush();
    this.#intake.end();
    this.#releaseChannels();
    // RabbitMQ sends connection.close after a failed login only to clients that announce authentication_failure_close.
    const isSilent =
      error.replyCode === replyCodes.ACCESS_REFUSED &&
      this.#state === 'handshake' &&
      !this.hasCapability('authentication_failure_close');
    if (isSilent || this.#state === 'header') {
      this.#end();
      return;
    }
    this.#state = 'closing';
    this.output.method(0, 'connection.close', { ...closeFields(error), classId: key >>> 16, methodId: key & 0xffff });
    this.#destroyLater();
  }

  /** Ends the connection after the last frame has been written. */
  #end(): void {
    this.#intake.end();
    this.#releaseChannels();
    this.#state = 'closed';
    this.#heartbeats.stop();
    this.#intake.stop();
    this.output.end();
    this.#destroyLater();
  }

  #destroyLater(): void {
    this.#limitTimer?.cancel();
    this.#limitTimer = this.#broker.clock.after(closeMs, () => this.#socket.destroy());
  }

  #onSocketClosed(): void {
    this.#intake.end();
    this.#state = 'closed';
    this.#intake.stop();
    this.#limitTimer?.cancel();
    this.#heartbeats.stop();
    this.#releaseChannels();
    if (this.#vhost !== undefined) this.#vhost.connectionCount--;
    this.#events.onGone(this);
  }

  #releaseChannels(): void {
    this.output.hold();
    this.channels.release();
    this.inOrder(
      forEach(this.#exclusiveQueues.values(), (queue) => this.#vhost?.removeQueue(queue)),
      () => this.output.release(),
    );
  }
}
