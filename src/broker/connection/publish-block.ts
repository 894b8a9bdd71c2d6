// The block of one connection's publishes while memory is short. RabbitMQ sends connection.blocked to the connections that
// publish, and not to those that only consume (https://www.rabbitmq.com/docs/connection-blocked).

export class PublishBlock {
  readonly #notify: (isBlocked: boolean) => void;
  #isBlocked = false;
  #hasPublished = false;

  /** `notify` reports to the client that its publishes are blocked, or no longer blocked. */
  constructor(notify: (isBlocked: boolean) => void) {
    this.#notify = notify;
  }

  /** Publishes of this client wait. False if the client only consumes. */
  get isEffective(): boolean {
    return this.#isBlocked && this.#hasPublished;
  }

  /** Records that the client publishes. */
  sawPublish(): void {
    if (this.#hasPublished) return;
    this.#hasPublished = true;
    if (this.#isBlocked) this.#notify(true);
  }

  /** Returns false if nothing has changed. */
  set(isBlocked: boolean): boolean {
    if (this.#isBlocked === isBlocked) return false;
    this.#isBlocked = isBlocked;
    if (this.#hasPublished) this.#notify(isBlocked);
    return true;
  }
}
