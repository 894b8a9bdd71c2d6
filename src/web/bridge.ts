// A STOMP 1.2 server for one page over AMQP. It implements the part of RabbitMQ's STOMP plugin that the page uses, with
// the same destinations and headers. Any error ends the connection (STOMP 1.2, ERROR), and the page reconnects.

import { MqError } from '../errors.ts';
import type { ReceivedMessage } from '../session/tap.ts';
import { type Timer, time } from '../time.ts';
import type { AmqpClient } from './amqp-client.ts';
import { type Destination, parseDestination } from './destination.ts';
import { type Frame, FrameError, FrameReader, frameBytes, headerOf } from './frame.ts';
import { headersOf, propertiesOf } from './message.ts';
import { shortened } from './shorten.ts';

/** The bridge's view of the WebSocket. */
interface Wire {
  /** Sends bytes. `sent` is called when they have been sent, or can no longer be sent. */
  send(bytes: Buffer, sent?: () => void): void;
  close(): void;
}

interface BridgeSettings {
  readonly wire: Wire;
  readonly openClient: () => Promise<AmqpClient>;
  /** Maximum size of a body that a page may send, in bytes. */
  readonly bodyBytes: number;
  readonly version: string;
}

export class Bridge {
  readonly #settings: BridgeSettings;
  readonly #frames: FrameReader;
  readonly #subscriptions = new Map<string, Promise<{ stop(): Promise<void> }>>();
  readonly #replies = new Map<string, Promise<string>>();
  #client: Promise<AmqpClient> | undefined;
  /** Frames are answered in the order of their arrival. */
  #work: Promise<void> = Promise.resolve();
  #beat: Timer | undefined;
  #ended = false;
  #messages = 0;

  constructor(settings: BridgeSettings) {
    this.#settings = settings;
    this.#frames = new FrameReader({ bodyBytes: settings.bodyBytes });
  }

  /** Handles bytes that the page has sent. */
  receive(bytes: Buffer): void {
    if (this.#ended) return;
    try {
      for (const frame of this.#frames.push(bytes)) {
        this.#work = this.#work.then(() => this.#answer(frame)).catch((error: unknown) => this.#fail(error, frame));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the connection. Never rejects. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#beat?.cancel();
    this.#settings.wire.close();
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  async #answer(frame: Frame): Promise<void> {
    if (this.#ended) return;
    const { command } = frame;
    if (command === 'CONNECT' || command === 'STOMP') return this.#connect(frame);
    const client = await this.#client;
    if (!client) throw new FrameError('the first frame must be CONNECT');
    if (command === 'SUBSCRIBE') await this.#subscribe(frame, client);
    else if (command === 'UNSUBSCRIBE') await this.#unsubscribe(frame);
    else if (command === 'SEND') return this.#send(frame, client);
    else if (command !== 'DISCONNECT') throw new FrameError(`this bridge does not support ${command}`);
    this.#receipt(frame);
    if (command === 'DISCONNECT') void this.end();
  }

  async #connect(frame: Frame): Promise<void> {
    if (this.#client !== undefined) throw new FrameError('CONNECT was already received');
    if (!(headerOf(frame, 'accept-version') ?? '').split(',').includes('1.2'))
      throw new FrameError('this bridge supports only STOMP 1.2');
    this.#client = this.#settings.openClient();
    const client = await this.#client;
    // If the page has closed the connection in the meantime, no heart-beat timer may be started.
    if (this.#ended) return;
    void client.closed.then((error) => this.#fail(error));
    const theirs = Number(headerOf(frame, 'heart-beat')?.split(',')[1]);
    const every = theirs > 0 ? Math.max(theirs, 1000) : 0;
    this.#write('CONNECTED', {
      version: '1.2',
      server: `mq/${this.#settings.version}`,
      'heart-beat': `${every},0`,
    });
    if (every > 0) this.#beat = time.every(every, () => this.#settings.wire.send(Buffer.from('\n')));
  }

  async #subscribe(frame: Frame, client: AmqpClient): Promise<void> {
    const [id, destination] = [required(frame, 'id'), destinationIn(frame, 'destination')];
    if ((headerOf(frame, 'ack') ?? 'auto') !== 'auto') throw new FrameError('this bridge supports only ack:auto');
    if (destination.to !== 'exchange') throw new FrameError('only exchanges can be subscribed to');
    if (this.#subscriptions.has(id)) throw new FrameError('a subscription with this id already exists');
    const { exchange, key: bindingKey } = destination;
    const subscription = client.listen({ exchange, bindingKey }, (received, done) => this.#message(id, received, done));
    this.#subscriptions.set(id, subscription);
    await subscription;
  }

  async #unsubscribe(frame: Frame): Promise<void> {
    const id = required(frame, 'id');
    const subscription = await this.#subscriptions.get(id);
    this.#subscriptions.delete(id);
    await subscription?.stop();
  }

  /** Sends a message without waiting for the confirm, so that further messages can be sent in the meantime. */
  async #send(frame: Frame, client: AmqpClient): Promise<void> {
    const destination = destinationIn(frame, 'destination');
    if (destination.to === 'replies') throw new FrameError('messages cannot be sent to a queue for replies');
    const replyTo = headerOf(frame, 'reply-to');
    const answers = replyTo === undefined ? undefined : await this.#replyQueue(frame, client);
    const toQueue = destination.to === 'queue';
    const sending = client.send({
      exchange: toQueue ? '' : destination.exchange,
      routingKey: toQueue ? destination.queue : destination.key,
      body: frame.body,
      mandatory: toQueue,
      properties: { ...propertiesOf(frame), ...(answers !== undefined && { replyTo: answers }) },
    });
    sending.then(() => this.#receipt(frame)).catch((error: unknown) => this.#fail(error, frame));
  }

  /**
   * Returns the queue for replies. RabbitMQ: a reply-to of /temp-queue/NAME creates a queue whose messages arrive with
   * that name as their subscription.
   */
  #replyQueue(frame: Frame, client: AmqpClient): Promise<string> {
    const destination = destinationIn(frame, 'reply-to');
    if (destination.to !== 'replies') throw new FrameError('reply-to must be /temp-queue/NAME');
    const id = `/temp-queue/${destination.name}`;
    const known = this.#replies.get(id);
    if (known !== undefined) return known;
    const receive = (received: ReceivedMessage, done: () => void) => this.#message(id, received, done);
    const queue = client.listen(undefined, receive).then((subscription) => subscription.queue);
    this.#replies.set(id, queue);
    return queue;
  }

  #message(subscription: string, received: ReceivedMessage, done: () => void): void {
    if (this.#ended) return;
    this.#messages += 1;
    const { body, headers } = shortened(received.body);
    const known = { subscription, 'message-id': `${subscription}@@${this.#messages}`, ...headers };
    // The broker sends more messages when the page has received these, so that a slow page does not fill mq's memory.
    this.#settings.wire.send(frameBytes('MESSAGE', headersOf(received, known), body), done);
  }

  #receipt(frame: Frame): void {
    const receipt = headerOf(frame, 'receipt');
    if (receipt !== undefined) this.#write('RECEIPT', { 'receipt-id': receipt });
  }

  #fail(error: unknown, frame?: Frame): void {
    if (this.#ended) return;
    const receipt = frame && headerOf(frame, 'receipt');
    const { message, hint = '' } = errorTexts(error);
    const headers = { message, 'content-type': 'text/plain', ...(receipt !== undefined && { 'receipt-id': receipt }) };
    this.#write('ERROR', headers, Buffer.from(hint));
    void this.end();
  }

  #write(command: string, headers: Readonly<Record<string, string>>, body?: Buffer): void {
    if (!this.#ended) this.#settings.wire.send(frameBytes(command, headers, body));
  }
}

function required(frame: Frame, name: string): string {
  const value = headerOf(frame, name);
  if (value === undefined) throw new FrameError(`${frame.command} requires the header ${name}`);
  return value;
}

function destinationIn(frame: Frame, name: string): Destination {
  const destination = parseDestination(required(frame, name));
  if (!destination) throw new FrameError(`this bridge does not support the ${name} of ${frame.command}`);
  return destination;
}

/** Returns the texts of an ERROR frame. */
function errorTexts(error: unknown): { message: string; hint?: string | undefined } {
  if (error instanceof MqError || error instanceof FrameError) return error;
  return { message: 'a bug in mq web', hint: error instanceof Error ? error.message : String(error) };
}
