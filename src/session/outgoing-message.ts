// A message on its way to the broker, and its outcome.

import type { MqError } from '../errors.ts';
import type { Properties } from './raw-message.ts';

/** Outcome of one message. `error` is the reason. */
export type PublishOutcome =
  | { readonly type: 'confirmed' }
  | { readonly type: 'refused'; readonly error: MqError }
  | { readonly type: 'in doubt'; readonly error: MqError };

export interface OutgoingMessage {
  /** Name of the exchange. '' is the default exchange. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  /**
   * Properties with a messageId. It should be unique, because equal messages are sent one after the other (window.ts).
   */
  readonly properties: Properties & { readonly messageId: string };
  readonly mandatory: boolean;
}
