// Defines the messages that mq's codec reads and writes. It replaces amqplib's codec (patches/content-frames.ts), whose
// types declare most properties as `any`.

/** Properties of a message (AMQP 0-9-1, 1.8.3). */
export interface Properties {
  contentType?: string;
  contentEncoding?: string;
  headers?: Record<string, unknown>;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  /** Seconds since 1970. It is a bigint if a number cannot represent it. */
  timestamp?: number | bigint;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
  /** Set by content-header.ts: the reason why headers are missing or unreadable. Never sent. */
  unreadable?: string;
}

/** A message that the broker has delivered or returned. */
export interface RawMessage {
  readonly content: Buffer;
  readonly fields: {
    readonly exchange: string;
    readonly routingKey: string;
    readonly redelivered: boolean;
    readonly deliveryTag: number;
    readonly consumerTag: string;
    /** Only in a returned message. */
    readonly replyCode?: number;
    readonly replyText?: string;
  };
  readonly properties: Properties;
}
