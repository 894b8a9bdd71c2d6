// The result of publishing a message to the queues of a virtual host.

export interface Routed {
  /** True if the message has a route to at least one queue. */
  readonly hasQueue: boolean;
  /** True if a full queue refused the message. */
  readonly isRefused: boolean;
  /** True if the message must be on disk before it is confirmed. */
  readonly isStored: boolean;
}

export const routedNowhere: Routed = { hasQueue: false, isRefused: false, isStored: false };
export const routedInMemory: Routed = { hasQueue: true, isRefused: false, isStored: false };
export const routedToStore: Routed = { hasQueue: true, isRefused: false, isStored: true };
export const refused: Routed = { hasQueue: true, isRefused: true, isStored: false };
