// Tracks whether the publishes of one connection are blocked because memory is short. Like RabbitMQ, it notifies only
// clients that publish (https://www.rabbitmq.com/docs/connection-blocked).

export class PublishBlock {
  readonly #notify: (isBlocked: boolean) => void;
  #isBlocked = false;
  #hasPublished = false;

  /** `notify` sends connection.blocked or connection.unblocked to the client. */
  constructor(notify: (isBlocked: boolean) => void) {
    this.#notify = notify;
  }

  /** True if the publishes of this client are blocked. False for a client that only consumes. */
  get isEffective(): boolean {
    return this.#isBlocked && this.#hasPublished;
  }

  /** Records that the client publishes. */
  recordPublish(): void {
    if (this.#hasPublished) return;
    this.#hasPublished = true;
    if (this.#isBlocked) this.#notify(true);
  }

  /** Blocks or unblocks publishes. Returns false if nothing changes. */
  set(isBlocked: boolean): boolean {
    if (this.#isBlocked === isBlocked) return false;
    this.#isBlocked = isBlocked;
    if (this.#hasPublished) this.#notify(isBlocked);
    return true;
  }
}
