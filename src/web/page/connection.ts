// The page's STOMP connection to mq web: it connects again by itself, subscribes, and brings the answers of requests to the
// form that asked.

import { Client, type IMessage, ReconnectionTimeMode } from '@stomp/stompjs';

export type State = 'connecting' | 'connected' | 'lost';

export interface ConnectionEvents {
  readonly onState: (state: State, tries: number) => void;
  /** Every time anew: what is to be listened to has to be asked for. */
  readonly onConnect: () => void;
  /** The broker's word for why it ends the connection. */
  readonly onError: (message: string) => void;
}

type Sent = 'confirmed' | 'in doubt' | 'not sent';

/** `not confirmed`: the time was over before the broker had the question. */
export type Unanswered = 'no answer' | 'not confirmed' | 'lost' | 'not sent';

interface Question {
  readonly settle: (answer: IMessage | undefined) => void;
}

const answersAt = '/temp-queue/answers';
const beatMs = 10_000;

export class Connection {
  readonly #client: Client;
  readonly #events: ConnectionEvents;
  readonly #waiting = new Map<string, (sent: Sent) => void>();
  readonly #questions = new Map<string, Question>();
  #tries = 0;
  #number = 0;
  /** RabbitMQ sends the receipt of what it refuses after the error: from there on it says nothing. */
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
      onUnhandledMessage: (message) => this.#answered(message),
    });
  }

  start(): void {
    this.#events.onState('connecting', 0);
    this.#client.activate();
  }

  get isConnected(): boolean {
    return this.#client.connected;
  }

  /** `done`: the broker has it; it is not called where the broker refuses, which ends the connection. */
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

  /** Resolves when the broker has confirmed, or when the connection went before that. */
  #send(destination: string, text: string, headers: Readonly<Record<string, string>>): Promise<Sent> {
    if (!this.#client.connected) return Promise.resolve('not sent');
    const receipt = this.#next();
    return new Promise((resolve) => {
      this.#waiting.set(receipt, resolve);
      this.#client.watchForReceipt(receipt, () => this.#settle(receipt, this.#isRefused ? 'in doubt' : 'confirmed'));
      this.#client.publish({ destination, body: text, headers: { ...headers, receipt } });
    });
  }

  /** The answer, or why there is none. */
  async ask(
    destination: string,
    { text, contentType, waitMs }: { text: string; contentType: string; waitMs: number },
  ): Promise<IMessage | Unanswered> {
    const id = crypto.getRandomValues(new Uint32Array(4)).join('-');
    let timer = 0;
    let isTaken = false;
    const answer = new Promise<IMessage | Unanswered>((resolve) => {
      timer = setTimeout(() => resolve(isTaken ? 'no answer' : 'not confirmed'), waitMs);
      this.#questions.set(id, { settle: (message) => resolve(message ?? 'lost') });
    });
    try {
      const type: Record<string, string> = contentType === '' ? {} : { 'content-type': contentType };
      const sent = this.#send(destination, text, { ...type, 'reply-to': answersAt, 'correlation-id': id });
      const answered = sent.then(async (one) => {
        isTaken = true;
        return one === 'not sent' ? one : answer;
      });
      // While the broker blocks publishers it does not confirm: the time runs all the same.
      return await Promise.race([answered, answer]);
    } finally {
      clearTimeout(timer);
      this.#questions.delete(id);
    }
  }

  #answered(message: IMessage): void {
    this.#questions.get(message.headers['correlation-id'] ?? '')?.settle(message);
  }

  #lost(): void {
    this.#tries += 1;
    for (const receipt of [...this.#waiting.keys()]) this.#settle(receipt, 'in doubt');
    for (const { settle } of this.#questions.values()) settle(undefined);
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
