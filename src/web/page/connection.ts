// The page's STOMP connection to mq web. It reconnects automatically, subscribes, and passes replies to the form that
// sent the request.

import { Client, type IMessage, ReconnectionTimeMode } from '@stomp/stompjs';

export type State = 'connecting' | 'connected' | 'lost';

interface ConnectionEvents {
  readonly onState: (state: State, tries: number) => void;
  /** Called at every connect. The callback must subscribe, because subscriptions end with their connection. */
  readonly onConnect: () => void;
  /** Called with the broker's reason for closing the connection. */
  readonly onError: (message: string) => void;
}

type Sent = 'confirmed' | 'in doubt' | 'not sent';

/**
 * Reason for a missing reply. `not confirmed` means that the time limit was over before the broker confirmed the
 * request.
 */
type NoReply = 'no answer' | 'not confirmed' | 'lost' | 'not sent';

interface PendingRequest {
  readonly settle: (answer: IMessage | undefined) => void;
}

const replyDestination = '/temp-queue/answers';
const beatMs = 10_000;

export class Connection {
  readonly #client: Client;
  readonly #events: ConnectionEvents;
  readonly #waiting = new Map<string, (sent: Sent) => void>();
  readonly #requests = new Map<string, PendingRequest>();
  #tries = 0;
  #number = 0;
  /**
   * `true` after an error. RabbitMQ sends the receipt of a refused frame after the error, so receipts are then ignored.
   */
  #isRefused = false;

  constructor(events: ConnectionEvents) {
    this.#events = events;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.#client = new Client({
      brokerURL: `${scheme}://${location.host}/stomp`,
      connectionTimeout: 10_000,
      reconnectDelay: 500,
      maxReconnectDelay: 10_000,
      reconnectTimeMode: ReconnectionTimeMode.EXPONENTIAL,
      heartbeatIncoming: beatMs,
      heartbeatOutgoing: beatMs,
      onConnect: () => {
        this.#tries = 0;
        this.#isRefused = false;
        events.onConnect();
        events.onState('connected', 0);
      },
      onStompError: ({ headers, body }) => {
        this.#isRefused = true;
        events.onError([headers['message'], body].filter(Boolean).join(': '));
      },
      onWebSocketClose: () => this.#lost(),
      onUnhandledMessage: (message) => this.#receiveReply(message),
    });
  }

  start(): void {
    this.#events.onState('connecting', 0);
    this.#client.activate();
  }

  get isConnected(): boolean {
    return this.#client.connected;
  }

  /**
   * Subscribes. `done` is called when the broker has accepted the subscription. If the broker refuses it, the
   * connection ends and `done` is not called.
   */
  subscribe(destination: string, onMessage: (message: IMessage) => void, done: () => void): () => void {
    const receipt = this.#next();
    this.#client.watchForReceipt(receipt, () => {
      if (!this.#isRefused) done();
    });
    const { unsubscribe } = this.#client.subscribe(destination, onMessage, { receipt });
    return () => {
      if (this.#client.connected) unsubscribe();
    };
  }

  /** Sends a message. Resolves when the broker has confirmed it, or when the connection is lost before that. */
  #send(destination: string, text: string, headers: Readonly<Record<string, string>>): Promise<Sent> {
    if (!this.#client.connected) return Promise.resolve('not sent');
    const receipt = this.#next();
    return new Promise((resolve) => {
      this.#waiting.set(receipt, resolve);
      this.#client.watchForReceipt(receipt, () => this.#settle(receipt, this.#isRefused ? 'in doubt' : 'confirmed'));
      this.#client.publish({ destination, body: text, headers: { ...headers, receipt } });
    });
  }

  /** Sends a request. Returns the reply, or why it is missing. */
  async request(
    destination: string,
    { text, contentType, waitMs }: { text: string; contentType: string; waitMs: number },
  ): Promise<IMessage | NoReply> {
    const id = crypto.getRandomValues(new Uint32Array(4)).join('-');
    let timer = 0;
    let isSent = false;
    const answer = new Promise<IMessage | NoReply>((resolve) => {
      timer = setTimeout(() => resolve(isSent ? 'no answer' : 'not confirmed'), waitMs);
      this.#requests.set(id, { settle: (message) => resolve(message ?? 'lost') });
    });
    try {
      const type: Record<string, string> = contentType === '' ? {} : { 'content-type': contentType };
      const sent = this.#send(destination, text, { ...type, 'reply-to': replyDestination, 'correlation-id': id });
      const answered = sent.then(async (one) => {
        isSent = true;
        return one === 'not sent' ? one : answer;
      });
      // While the broker blocks publishers it does not confirm, but the time limit still applies.
      return await Promise.race([answered, answer]);
    } finally {
      clearTimeout(timer);
      this.#requests.delete(id);
    }
  }

  #receiveReply(message: IMessage): void {
    this.#requests.get(message.headers['correlation-id'] ?? '')?.settle(message);
  }

  #lost(): void {
    this.#tries += 1;
    for (const receipt of [...this.#waiting.keys()]) this.#settle(receipt, 'in doubt');
    for (const { settle } of this.#requests.values()) settle(undefined);
    this.#events.onState('lost', this.#tries);
  }

  #settle(receipt: string, sent: Sent): void {
    this.#waiting.get(receipt)?.(sent);
    this.#waiting.delete(receipt);
  }

  #next(): string {
    this.#number += 1;
    return `page-${this.#number}`;
  }
}
