// One client connection of a simulated node. The node relays it over a second connection to the core.

import { createConnection, type Socket } from 'node:net';
import { isTable } from '../../../src/broker/codec/table.ts';
import type { Random } from '../../support/random.ts';
import { type ChannelHost, RelayedChannel } from './channel.ts';
import { bytesOf, type Command, CommandReader, heartbeatBytes, methodBytes } from './commands.ts';
import type { Conditions, QueueType } from './conditions.ts';

/** The interface of the node for its connections. */
export interface ConnectionHost {
  readonly conditions: Conditions;
  readonly random: Random;
  readonly core: { readonly host: string; readonly port: number };
  exists(vhost: string, name: string): boolean;
  typeOf(vhost: string, queue: string): QueueType | undefined;
  remove(connection: RelayedConnection): void;
}

/** Length of the protocol header (AMQP 0-9-1, 4.2.2). */
const headerLength = 8;
/** RabbitMQ destroys the socket if the client does not answer connection.close. */
const closeMs = 30_000;

export class RelayedConnection implements ChannelHost {
  readonly channels = new Map<number, RelayedChannel>();
  readonly #node: ConnectionHost;
  readonly #client: Socket;
  readonly #core: Socket;
  readonly #clientReader: CommandReader;
  readonly #coreReader: CommandReader;
  #header = Buffer.alloc(0);
  #vhost = '/';
  #canBlock = false;
  /** The publish that waits for the end of the alarm. The node reads nothing after it. */
  #blocked: Command | undefined;
  #isClosing = false;
  /** Numbers of the channels that this node has closed in the core, once for each close without an answer. */
  readonly #closedInCore: number[] = [];
  #heartbeats: NodeJS.Timeout | undefined;
  #hasReceived = false;
  #silentTicks = 0;

  constructor(node: ConnectionHost, client: Socket) {
    this.#node = node;
    this.#client = client;
    this.#core = createConnection(node.core);
    this.#clientReader = new CommandReader({
      onCommand: (command) => this.#receive(command),
      onHeartbeat: () => undefined,
    });
    this.#coreReader = new CommandReader({
      onCommand: (command) => this.#receiveFromCore(command),
      onHeartbeat: () => this.toClient(heartbeatBytes),
    });
    client.on('data', (chunk) => this.#receiveChunk(chunk));
    this.#core.on('data', (chunk) => this.#coreReader.push(chunk));
    client.on('end', () => this.#end());
    client.on('close', () => this.#end());
    client.on('error', () => undefined);
    this.#core.on('error', () => undefined);
    this.#core.on('close', () => this.#isClosing || this.#client.destroySoon());
  }

  get conditions(): Conditions {
    return this.#node.conditions;
  }

  get random(): Random {
    return this.#node.random;
  }

  /** True after the login. */
  get isOpen(): boolean {
    return this.channels.size > 0 && !this.#isClosing;
  }

  exists(name: string): boolean {
    return this.#node.exists(this.#vhost, name);
  }

  typeOf(queue: string): QueueType | undefined {
    return this.#node.typeOf(this.#vhost, queue);
  }

  toCore(bytes: Buffer): void {
    if (this.#core.writable) this.#core.write(bytes);
  }

  toClient(bytes: Buffer): void {
    if (this.#client.writable) this.#client.write(bytes);
  }

  removeChannel(channel: RelayedChannel): void {
    if (this.channels.get(channel.number) === channel) this.channels.delete(channel.number);
  }

  closeInCore({ number }: { readonly number: number }): void {
    this.#closedInCore.push(number);
    this.toCore(methodBytes(number, 'channel.close', { replyCode: 200, replyText: '', classId: 0, methodId: 0 }));
  }

  /** Passes on what the node has kept in the minority. */
  heal(): void {
    for (const channel of this.channels.values()) channel.heal();
  }

  /** Processes the publish that waited, and reads on. */
  unblock(): void {
    const command = this.#blocked;
    if (command === undefined) return;
    this.#blocked = undefined;
    if (this.#canBlock) this.toClient(methodBytes(0, 'connection.unblocked', {}));
    this.#receive(command);
    this.#clientReader.resume();
    if (this.#blocked === undefined) this.#client.resume();
  }

  /** Closes the connection with 320, as the management API and a node that stops do. */
  close(replyText: string): void {
    if (!this.isOpen) return;
    this.#isClosing = true;
    const close = { replyCode: 320, replyText: `CONNECTION_FORCED - ${replyText}`, classId: 0, methodId: 0 };
    this.toClient(methodBytes(0, 'connection.close', close));
    this.#endCore();
    this.#client.resume();
    setTimeout(() => this.#client.destroy(), closeMs);
  }

  /** Ends the connection without a word. */
  reset(): void {
    this.#client.destroy();
  }

  #receiveChunk(chunk: Buffer): void {
    this.#hasReceived = true;
    const missing = headerLength - this.#header.length;
    if (missing > 0) {
      this.#header = Buffer.concat([this.#header, chunk.subarray(0, missing)]);
      if (this.#header.length === headerLength) this.toCore(this.#header);
    }
    if (chunk.length > missing) this.#clientReader.push(chunk.subarray(Math.max(0, missing)));
  }

  #receive(command: Command): void {
    const { method, channel: number } = command;
    if (this.#isClosing) {
      if (method.name === 'connection.close') this.toClient(methodBytes(0, 'connection.close-ok', {}));
      if (method.name === 'connection.close' || method.name === 'connection.close-ok') this.#client.end();
    } else if (number === 0) this.#receiveMethod(command);
    else if (method.name === 'basic.publish' && this.conditions.isAlarmed) this.#block(command);
    else {
      if (method.name === 'channel.open') this.channels.set(number, new RelayedChannel(this, number));
      this.channels.get(number)?.receive(command);
    }
  }

  /** Receives a method of channel 0. */
  #receiveMethod(command: Command): void {
    const { method } = command;
    if (method.name === 'connection.start-ok') {
      const capabilities = method.fields.clientProperties.get('capabilities');
      this.#canBlock = isTable(capabilities) && capabilities['connection.blocked'] === true;
    } else if (method.name === 'connection.tune-ok') this.#startHeartbeats(method.fields.heartbeat * 1000);
    else if (method.name === 'connection.open') this.#vhost = method.fields.virtualHost;
    else if (method.name === 'connection.close') for (const channel of this.channels.values()) channel.end();
    this.toCore(bytesOf(command));
  }

  /** RabbitMQ: a connection is blocked when it publishes. Then the node reads nothing, and sends on. */
  #block(command: Command): void {
    this.#blocked = command;
    this.#clientReader.pause();
    this.#client.pause();
    if (this.#canBlock) this.toClient(methodBytes(0, 'connection.blocked', { reason: 'low on memory' }));
  }

  #receiveFromCore(command: Command): void {
    const { method, channel: number } = command;
    if (this.#isClosing) return;
    const index = this.#closedInCore.indexOf(number);
    if (index === -1) {
      const channel = this.channels.get(number);
      if (channel) channel.receiveFromCore(command);
      else this.toClient(bytesOf(command));
    } else if (method.name === 'channel.close-ok') this.#closedInCore.splice(index, 1);
    else if (method.name === 'channel.close') this.toCore(methodBytes(number, 'channel.close-ok', {}));
  }

  /** Sends heartbeats to the core, and resets a connection whose client is silent for two intervals. */
  #startHeartbeats(intervalMs: number): void {
    if (intervalMs === 0) return;
    this.#heartbeats = setInterval(() => {
      this.toCore(heartbeatBytes);
      this.#silentTicks = this.#hasReceived || this.#blocked !== undefined ? 0 : this.#silentTicks + 1;
      this.#hasReceived = false;
      if (this.#silentTicks >= 4) this.reset();
    }, intervalMs / 2);
  }

  /** Called when the connection of the client has ended. */
  #end(): void {
    this.#node.remove(this);
    this.#endCore();
  }

  #endCore(): void {
    clearInterval(this.#heartbeats);
    for (const channel of this.channels.values()) channel.end();
    this.channels.clear();
    this.#core.end();
  }
}
