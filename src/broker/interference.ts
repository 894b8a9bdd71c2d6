// The interface through which a test makes the broker misbehave, within what AMQP permits: it returns messages, withholds
// confirms, closes connections. `mq broker` has no interference, and then none of this costs anything.

/** A client connection. */
export interface Client {
  /** The name in logs. */
  readonly name: string;
  readonly details: { readonly clientProperties: Readonly<Record<string, unknown>> };
  /** Closes the connection with 320. Unacknowledged messages return to their queues. */
  close(reason: string): void;
  /** Blocks or unblocks the publishes of the client (connection.blocked). */
  block(isBlocked: boolean): void;
}

/** A message that a queue delivers to a consumer. Deliveries without acknowledgement and those of streams are not disturbed. */
interface DisturbedDelivery {
  readonly client: Client;
  /** Name of the queue. */
  readonly queue: string;
  /** The message in its queue. It is the same object for each delivery of the message. */
  readonly entry: {
    readonly redelivered: boolean;
    readonly message: { properties(): { readonly messageId?: string | undefined } };
  };
}

interface DisturbedPublish {
  readonly client: Client;
  readonly exchange: string;
  readonly routingKey: string;
  readonly message: { body(): Buffer };
}

/** Outcome of an acknowledgement. */
export interface AckFate {
  /** `true` returns the message to its queue as if the broker had never received the acknowledgement. */
  readonly isLost: boolean;
  /** Closes the connection for this reason, before the queue delivers anything else to it. */
  readonly closesFor?: string;
}

/** Outcome of a publish. */
interface PublishFate {
  /** `true` drops the message and sends a nack. */
  readonly isRefused?: boolean;
  /** Sends the ack or nack this many milliseconds late. */
  readonly confirmAfterMs?: number;
  /** Accepts the message, but closes the connection for this reason instead of confirming it. */
  readonly closesFor?: string;
}

export interface Interference {
  /** Called when a client has opened its connection. */
  opened(client: Client): void;
  /** Returns the milliseconds by which everything is late that the broker sends to the client now. */
  latencyMs(client: Client): number;
  /** Returns the outcome of a publish. `undefined` means nothing unusual. */
  publish(publish: DisturbedPublish): PublishFate | undefined;
  /** Returns `true` if the queue rejects the publishes of this client, like a queue at its maximum length. */
  isFull(queue: string, client: Client): boolean;
  /**
   * Returns `true` to keep a message from the consumer. The queue can deliver its successors in the meantime. `putBack`
   * returns the message to the queue. It must be called later, and once. In a quorum queue, the message then is as if
   * another consumer had received it. In a classic queue, it is as if its publisher had sent it later.
   */
  keepBack(delivery: DisturbedDelivery, putBack: () => void): boolean;
  /** Returns the outcome of an acknowledgement. `undefined` means nothing unusual. */
  acknowledge(delivery: DisturbedDelivery): AckFate | undefined;
}
