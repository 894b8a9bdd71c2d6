// Sends the messages of one producer with the publisher or the requester of mq.

import { asMqError, type MqError } from '../errors.ts';
import type { OutgoingMessage } from '../session/outgoing-message.ts';
import type { Publisher } from '../session/publisher.ts';
import type { Requester } from '../session/requester.ts';
import type { Mark } from './body.ts';
import type { Recorder } from './recorder.ts';
import type { Sender } from './schedule.ts';

interface SenderParts {
  /** Number of the producer. */
  readonly producer: number;
  readonly bodyOf: (mark: Mark) => Buffer;
  readonly messageOf: (body: Buffer) => OutgoingMessage;
  readonly recorder: Recorder;
}

export class PublishingSender implements Sender {
  /** Numbers of the messages that were refused or are in doubt, so that they need not arrive. */
  readonly unconfirmed: number[] = [];
  /** Number of messages that were sent, with any outcome. */
  sent = 0;
  readonly #publisher: Publisher;
  readonly #parts: SenderParts;

  constructor(publisher: Publisher, parts: SenderParts) {
    this.#publisher = publisher;
    this.#parts = parts;
  }

  get hasRoom(): boolean {
    return this.#publisher.hasRoom;
  }

  room(): Promise<void> {
    return this.#publisher.room();
  }

  send(number: number, intendedMs: number): void {
    const { producer, bodyOf, messageOf, recorder } = this.#parts;
    this.sent += 1;
    this.#publisher.send(messageOf(bodyOf({ producer, number, intendedMs })), (outcome) => {
      if (outcome.type !== 'confirmed') this.unconfirmed.push(number);
      recorder.settled(outcome, intendedMs);
    });
  }

  settled(): Promise<void> {
    return this.#publisher.settled();
  }
}

export class RequestingSender implements Sender {
  readonly #requester: Requester;
  readonly #window: number;
  readonly #parts: SenderParts;
  #inFlight = 0;
  /** Requests without a reply. */
  #unanswered = 0;
  #waiting: (() => void)[] = [];

  constructor(requester: Requester, window: number, parts: SenderParts) {
    this.#requester = requester;
    this.#window = window;
    this.#parts = parts;
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.#window;
  }

  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  send(number: number, intendedMs: number): void {
    const { producer, bodyOf, messageOf, recorder } = this.#parts;
    this.#inFlight += 1;
    this.#requester.request(messageOf(bodyOf({ producer, number, intendedMs }))).then(
      () => {
        recorder.received(intendedMs);
        this.#end();
      },
      (error: unknown) => {
        this.#fail(asMqError(error));
        this.#end();
      },
    );
  }

  async settled(): Promise<void> {
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #fail(error: MqError): void {
    const isRefused = ['UNROUTABLE', 'REFUSED', 'BAD_DATA'].includes(error.code);
    if (!isRefused) this.#unanswered += 1;
    this.#parts.recorder.failed(error, isRefused);
  }

  #end(): void {
    this.#inFlight -= 1;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
