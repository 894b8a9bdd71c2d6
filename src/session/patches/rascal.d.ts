// Declares the parts of Rascal 21 and amqplib 2 that mq uses, according to their source, because @types/rascal is
// outdated.

declare module 'rascal' {
  import type { EventEmitter } from 'node:events';

  export interface RascalBroker extends EventEmitter {
    readonly config: RascalConfigured;
    readonly keepActive: NodeJS.Timeout;
    shutdown(next: (error?: Error | null) => void): void;
  }
  /** Configuration after Rascal has qualified all names. */
  export interface RascalConfigured {
    readonly publications: Readonly<Record<string, RascalPublication>>;
    readonly subscriptions: Readonly<Record<string, RascalSubscription>>;
  }
  export interface RascalPublication {
    readonly vhost: string;
    readonly exchange?: string;
    readonly queue?: string;
    /** Fully qualified name. */
    readonly destination: string;
    readonly routingKey?: string;
    readonly replyTo?: string;
    readonly options: Readonly<Record<string, unknown>>;
  }
  export interface RascalSubscription {
    readonly vhost: string;
    /** Key in the vhost's `queues`. */
    readonly queue: string;
    /** Fully qualified name of the queue. */
    readonly source: string;
    readonly prefetch?: number;
    readonly options: Readonly<Record<string, unknown>>;
  }
  const rascal: {
    createBroker(
      config: object,
      components: object,
      next: (error: Error | null | undefined, broker: RascalBroker | undefined) => void,
    ): void;
  };
  export default rascal;
}

declare module 'rascal/lib/amqp/Broker.js' {
  const Broker: { create: typeof import('rascal').default.createBroker };
  export default Broker;
}

declare module 'rascal/lib/amqp/Vhost.js' {
  import type { EventEmitter } from 'node:events';

  type Channel = import('../channel.ts').Channel;
  type ConfirmChannel = import('../channel.ts').ConfirmChannel;

  /** A vhost. Channel requests wait while it is disconnected, and return no channel when it shuts down. */
  export interface RascalVhost extends EventEmitter {
    readonly name: string;
    /** Index of the configured connection to try first when reconnecting. */
    connectionIndex: number;
    /** Connects and declares. Rascal calls it again after each lost connection. */
    init(next: (error?: Error | null) => void): RascalVhost;
    getChannel(next: (error?: Error | null, channel?: Channel) => void): void;
    getConfirmChannel(next: (error?: Error | null, channel?: ConfirmChannel) => void): void;
  }
  /** Configuration that Rascal declares at each connection. */
  export interface RascalVhostConfig {
    readonly name: string;
    readonly connections: readonly unknown[];
    readonly queues: Readonly<Record<string, RascalQueueConfig>>;
  }
  export interface RascalQueueConfig {
    fullyQualifiedName: string;
    /** Random part of the name, if the queue has one. */
    replyTo?: unknown;
    readonly assert?: unknown;
    readonly options?: {
      readonly exclusive?: unknown;
      readonly autoDelete?: unknown;
      readonly deadLetterExchange?: unknown;
      readonly arguments?: Readonly<Record<string, unknown>>;
    };
  }
  const Vhost: {
    create(
      config: RascalVhostConfig,
      components: object,
      next: (error?: Error | null, vhost?: RascalVhost) => void,
    ): void;
  };
  export default Vhost;
}

declare module '*/amqplib/lib/connection.js' {
  import type { Readable } from 'node:stream';

  export interface Frame {
    /** Id of the method, or of the class of a content header. */
    readonly id?: number;
    readonly channel?: number;
    /** Size of the body, in a content header. */
    readonly size?: number;
    readonly fields?: object;
  }
  /** Stream of encoded frames. amqplib ends it when the channel is closed. */
  export interface ChannelBuffer {
    write(bytes: Buffer): boolean;
    readonly writableNeedDrain: boolean;
  }
  export class Connection {
    open(options: object, next: (error: Error | null, ok?: unknown) => void): void;
    /** Passes on the next frame of the handshake. */
    step(take: (error: Error | null, frame: Frame | null) => void): void;
    readonly stream: Readable;
    /** Received bytes that are not decoded yet. */
    rest: Buffer;
    readonly maxFrameSize: number;
    /** Maximum size of a frame to send, in bytes. 0 means no limit. */
    readonly frameMax: number;
    /** Added by mq: position in `rest` of the first byte that is not decoded yet. */
    restAt: number;
    recvSinceLastCheck: boolean;
    sentSinceLastCheck: boolean;
    readonly channels: readonly ({
      readonly channel: import('./channel.js').Channel;
      readonly buffer: ChannelBuffer;
    } | null)[];
    /** Handles a frame. It changes with the state of the connection. */
    readonly accept: (frame: Frame) => void;
    /** Added by mq: `accept` of an open connection. */
    openAccept: ((frame: Frame) => void) | undefined;
    /** Reads frames until the connection ends. amqplib calls it when the connection is open. */
    acceptLoop(): void;
    /** Server properties of connection.start. `undefined` until it arrives. */
    readonly serverProperties: Readonly<Record<string, unknown>> | undefined;
    /** Returns `false` if there is no complete frame yet. */
    recvFrame(): Frame | false;
    sendMethod(channel: number, method: number, fields: object): boolean;
    /** Also receives the messages of `publishMessage`, as `properties`. Other properties have no body. */
    sendMessage(
      channel: number,
      method: number,
      fields: object,
      id: number,
      properties: { readonly body?: undefined } | import('../outgoing-message.ts').WritableMessage,
      content: Buffer,
    ): boolean;
    sendContent(channel: number, content: Buffer): boolean;
  }
}

declare module '*/amqplib/lib/channel.js' {
  import type { EventEmitter } from 'node:events';

  /** Returns the first state of a channel that receives a message after its method. */
  export function acceptMessage(continuation: (message: import('../../raw-message.ts').RawMessage) => void): unknown;
  export class Channel extends EventEmitter {
    constructor(connection: import('./connection.js').Connection | undefined);
    /** Handles a frame. It changes with the state of the channel. */
    readonly accept: (frame: object) => void;
    /** Handles the next frame of a message. It changes with each frame. */
    readonly handleMessage: (frame: object) => unknown;
    closeWithError(method: number, reason: string, code: number, error: Error): void;
  }
}

declare module '*/amqplib/lib/frame.js' {
  export interface ParsedFrame {
    readonly type: number;
    readonly channel: number;
    readonly payload: Buffer;
    /** Bytes after the frame. */
    readonly rest: Buffer;
  }
  /** Returns `false` if there is no complete frame yet. Throws if the bytes are not a frame. */
  export function parseFrame(bytes: Buffer, maxFrameSize: number): ParsedFrame | false;
  export function decodeFrame(frame: ParsedFrame): { readonly fields?: Readonly<Record<string, unknown>> };
}
