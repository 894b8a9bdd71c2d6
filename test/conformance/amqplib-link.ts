// Opens a connection of amqplib for a job, and converts closes and messages to answers.

import amqplib, { type Channel, type ChannelModel, type ConfirmChannel, type Message } from 'amqplib';
import { type Closed, eventually, type Job, messageOf, named, url } from './program.ts';

export interface Link {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
  /** The first close that the broker sends. */
  readonly closed: Promise<Closed>;
  /** The returns and confirms that the channel has received, in order. */
  readonly events: unknown[];
}

/** Returns a job with a connection and a confirm channel. The job closes the connection at its end. */
export function linked(work: (link: Link) => Promise<unknown>): Job {
  return async () => {
    const link = await open();
    try {
      return await work(link);
    } finally {
      await link.connection.close().catch(() => undefined);
    }
  };
}

/** Returns a job whose answer is the close that its work causes, or `not refused`. */
export function refused(work: (link: Link) => unknown): Job {
  return linked(async (link) => {
    const done = async () => {
      await work(link);
      // The broker answers this request after the requests of the work.
      await link.channel.checkExchange('amq.direct');
      return 'not refused';
    };
    // The client may throw its own error first, but the close contains more information.
    return await Promise.race([done().catch(() => link.closed), link.closed]);
  });
}

export async function open(path = ''): Promise<Link> {
  const connection = await amqplib.connect(`${url}${path}`, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  const events: unknown[] = [];
  channel.on('return', ({ fields, properties, content }: Message) => {
    events.push({ returned: defined({ ...fields, ...properties, body: content.toString() }) });
  });
  channel.on('ack', ({ deliveryTag }) => events.push({ acked: deliveryTag }));
  channel.on('nack', ({ deliveryTag }) => events.push({ nacked: deliveryTag }));
  const closed = Promise.race([closeOf(connection, 'connection'), closeOf(channel, 'channel')]);
  return { connection, channel, closed, events };
}

export function closeOf(party: ChannelModel | Channel, scope: Closed['scope']): Promise<Closed> {
  return new Promise((done) => {
    party.on('error', (error: Error) => done(closeFrom(error, scope)));
  });
}

/** Parses the error message of amqplib 2.3.1, which contains code and text. */
export function closeFrom(error: unknown, scope: Closed['scope']): Closed {
  const match = /(\d{3}) \([^)]*\) with message "(.*)"/s.exec(messageOf(error));
  return { scope, code: Number(match?.[1]), text: match?.[2] ?? messageOf(error) };
}

/** Returns the fields of a received message, without its consumer tag. */
export function seen({ fields, properties, content }: Message): object {
  const { exchange, routingKey, redelivered } = fields;
  const message = defined({ exchange, routingKey, redelivered, ...properties });
  return { ...message, body: content.toString() };
}

export function defined(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}

/** Declares an exclusive queue. */
export async function queue(channel: Channel, name: string, args: Record<string, unknown> = {}): Promise<string> {
  return (await channel.assertQueue(named(name), { exclusive: true, arguments: args })).queue;
}

/** Publishes to a queue, and waits for the confirm. */
export async function put(channel: ConfirmChannel, to: string, body: string, options: object = {}): Promise<void> {
  channel.sendToQueue(to, Buffer.from(body), options);
  await channel.waitForConfirms();
}

/** Waits for the next message of a queue. */
export function take(channel: Channel, from: string): Promise<Message> {
  return eventually(() => channel.get(from, { noAck: true }));
}

/** Returns the bodies of all messages of a queue. */
export async function bodies(channel: Channel, from: string): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const message = await channel.get(from, { noAck: true });
    if (message === false) return found;
    found.push(message.content.toString());
  }
}
