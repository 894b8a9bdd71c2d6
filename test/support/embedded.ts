// Runs an embedded broker for a test, with clients and plain sockets.

import { connect as connectTcp, type Socket } from 'node:net';
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/server.ts';

/** Code and text of a closed channel or connection. */
export interface Closed {
  code: number;
  text: string;
}

export class Place {
  readonly broker: Broker;
  readonly #connections: ChannelModel[] = [];
  readonly #sockets: Socket[] = [];

  private constructor(broker: Broker) {
    this.broker = broker;
  }

  /** Runs `use` with a broker, and closes everything. */
  static async with(options: BrokerOptions, use: (place: Place) => Promise<void>): Promise<void> {
    const place = new Place(await startBroker(options));
    try {
      await use(place);
    } finally {
      for (const connection of place.#connections) await connection.close().catch(() => {});
      for (const socket of place.#sockets) socket.destroy();
      await place.broker.close();
    }
  }

  url({ user = 'guest', password = 'guest', vhost = '', query = '' } = {}): string {
    return `amqp://${user}:${password}@127.0.0.1:${this.broker.port}/${encodeURIComponent(vhost) || '%2F'}${query}`;
  }

  async connection(options: Parameters<Place['url']>[0] = {}): Promise<ChannelModel> {
    const connection = await connect(this.url(options));
    connection.on('error', () => {});
    this.#connections.push(connection);
    return connection;
  }

  /** Opens a confirm channel on a new connection. */
  async channel(connection?: ChannelModel): Promise<ConfirmChannel> {
    const channel = await (connection ?? (await this.connection())).createConfirmChannel();
    channel.on('error', () => {});
    return channel;
  }

  /** Opens a plain socket. */
  async socket(): Promise<Socket> {
    const socket = connectTcp(this.broker.port, '127.0.0.1');
    socket.on('error', () => {});
    this.#sockets.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    return socket;
  }
}

/** Returns the code and text with which the broker closes the channel or connection because of `use`. */
export async function refusal(channel: Channel, use: () => unknown): Promise<Closed> {
  const closed = new Promise<Closed>((resolve) => {
    const take = (error: Error & { code?: number }) => resolve({ code: error.code ?? 0, text: textOf(error) });
    channel.on('error', take);
    (channel.connection as unknown as { on(event: 'error', take: (error: Error) => void): void }).on('error', take);
  });
  try {
    await use();
  } catch {
    // The event has the code and text.
  }
  return closed;
}

function textOf(error: Error): string {
  return /with message "(.*)"$/s.exec(error.message)?.[1] ?? error.message;
}

/** Returns the ready messages of a queue. */
export async function drain(channel: Channel, queue: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === false) return bodies;
    bodies.push(message.content.toString());
  }
}

export async function get(channel: Channel, queue: string): Promise<GetMessage> {
  const message = await channel.get(queue);
  if (message === false) throw new Error(`${queue} is empty`);
  return message;
}

/** Returns the bytes that a plain socket receives until the broker closes it. */
export function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve) => socket.once('close', () => resolve(Buffer.concat(chunks))));
}
