// Publishes the messages of the page over AMQP with the mandatory flag, because RabbitMQ's Web STOMP confirms a message
// that no queue receives.

import type { Publisher } from '../session/publisher.ts';
import type { Session } from '../session/session.ts';
import { time } from '../time.ts';
import type { PublishResult } from './publish-result.ts';

/** A message that the page publishes. */
export interface PageMessage {
  /** Name of the exchange. '' is the default exchange. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly text: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string | number | boolean>>;
  readonly persistent: boolean;
}

/** Parses the JSON of a request. Returns `undefined` if it is not a message. */
export function pageMessageOf(json: string): PageMessage | undefined {
  const value = parsed(json);
  const { exchange, routingKey, text, contentType = 'text/plain', headers = {}, persistent = false } = Object(value);
  const isText = [exchange, routingKey, text, contentType].every((one) => typeof one === 'string');
  const fits = isText && [exchange, routingKey, contentType].every((one) => Buffer.byteLength(one) <= 255);
  const isTable = typeof headers === 'object' && headers !== null && !Array.isArray(headers);
  if (!fits || !isTable || typeof persistent !== 'boolean') return undefined;
  const scalars = Object.values(headers).every((one) => ['string', 'number', 'boolean'].includes(typeof one));
  return scalars ? { exchange, routingKey, text, contentType, headers, persistent } : undefined;
}

export class Sender {
  readonly #openSession: () => Session;
  readonly #vhost: string;
  #opening: Promise<{ session: Session; publisher: Publisher }> | undefined;

  constructor(openSession: () => Session, vhost: string) {
    this.#openSession = openSession;
    this.#vhost = vhost;
  }

  /**
   * Publishes a message. Resolves when the broker has answered or the outcome is in doubt. Throws if there is no
   * connection.
   */
  async send({ exchange, routingKey, text, contentType, headers, persistent }: PageMessage): Promise<PublishResult> {
    this.#opening ??= this.#open();
    const { publisher } = await this.#opening;
    const sent = await publisher.publish({
      exchange,
      routingKey,
      body: Buffer.from(text),
      properties: {
        messageId: time.randomUUID(),
        ...(contentType !== '' && { contentType }),
        ...(Object.keys(headers).length > 0 && { headers: { ...headers } }),
        ...(persistent && { deliveryMode: 2 }),
      },
      mandatory: true,
    });
    if (sent.type === 'confirmed') return { outcome: 'confirmed' };
    const { code, message } = sent.error;
    return { outcome: code === 'UNROUTABLE' ? 'unroutable' : sent.type, message };
  }

  async close(): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined);
    await opened?.session.close();
  }

  async #open() {
    const session = this.#openSession();
    // After a failure the session is closed, and the next message opens a new one.
    const forget = () => {
      this.#opening = undefined;
      void session.close();
    };
    try {
      const needs = { onChannel: async () => {}, queues: [], dead: undefined };
      const { publisher } = await session.outcomePublisher(this.#vhost, needs);
      void publisher.failed.then(forget);
      return { session, publisher };
    } catch (error) {
      forget();
      throw error;
    }
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
