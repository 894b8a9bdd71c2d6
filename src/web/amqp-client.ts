// Opens the AMQP connections of one page for the bridge. One connection receives and the other one sends, because an
// alarm blocks connections that publish. If one is lost, both are closed and the page reconnects.

import type { MqError } from '../errors.ts';
import type { Listener, OnMessage, OutgoingMessage, Session, Subscription } from '../session/session.ts';
import { time } from '../time.ts';

export interface AmqpClient {
  listen(source: { exchange: string; bindingKey: string } | undefined, take: OnMessage): Promise<Subscription>;
  /**
   * Sends a message. Resolves when the broker has confirmed it. Throws if the broker refused it or the outcome is in
   * doubt.
   */
  send(message: Outgoing): Promise<void>;
  /** Resolves with the reason when the connections have ended. */
  readonly closed: Promise<MqError>;
  close(): Promise<void>;
}

export type Outgoing = Pick<OutgoingMessage, 'exchange' | 'routingKey' | 'body' | 'mandatory'> & {
  readonly properties: Omit<OutgoingMessage['properties'], 'messageId'> & { readonly messageId?: string };
};

/** Opens the connections. They own `session`, which is closed together with them. */
export async function openAmqpClient(session: Session, vhost: string): Promise<AmqpClient> {
  let listener: Listener;
  try {
    listener = await session.listener(vhost);
  } catch (error) {
    await session.close();
    throw error;
  }
  const closed = Promise.withResolvers<MqError>();
  void listener.closed.then(closed.resolve);
  let publisher: ReturnType<typeof open> | undefined;
  const open = async () => {
    const opened = await session.outcomePublisher(vhost, { onChannel: async () => {}, queues: [], dead: undefined });
    void opened.publisher.failed.then(closed.resolve);
    return opened.publisher;
  };
  return {
    closed: closed.promise,
    listen: (source, take) => listener.listen(source, take),
    async send({ properties, ...message }) {
      publisher ??= open();
      const sent = await (await publisher).publish({
        ...message,
        properties: { ...properties, messageId: properties.messageId ?? time.randomUUID() },
      });
      if (sent.type !== 'confirmed') throw sent.error;
    },
    close: () => session.close(),
  };
}
