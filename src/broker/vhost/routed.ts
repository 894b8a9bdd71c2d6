// The result of routing a message to the queues of a virtual host.

/** The result of routing one published message. */
export interface Routed {
  /** It has gone to at least one queue, or would have. */
  readonly hasQueue: boolean;
  /** A queue that is full refused it. */
  readonly isRefused: boolean;
  /** It has to be on disk before it is confirmed. */
  readonly isStored: boolean;
}

export const routedNowhere: Routed = { hasQueue: false, isRefused: false, isStored: false };
export const routedInMemory: Routed = { hasQueue: true, isRefused: false, isStored: false };
