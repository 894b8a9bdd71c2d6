// Records one trial: the messages and outcomes of the sender, the effects of the handlers, and the messages that another
// client found in the queues at the end. verdict.ts evaluates it.

export type SenderOutcome = 'confirmed' | 'refused' | 'in doubt';

/** A handled message, as its handler recorded it. */
export interface Effect {
  /** Body as received. */
  readonly body: string;
  /** Index of the receiver. */
  readonly slot: number;
  readonly redelivered: boolean;
  /** mq's attempt number, from 1. */
  readonly attempt: number;
  /** Unix time in milliseconds. */
  readonly at: number;
}

/** A delivery to a handler in a ledger run, and how the handler ended it. */
export interface Run {
  readonly body: string;
  /** `ack`, an exit status or a signal. */
  readonly way: string;
  /** Unix time in milliseconds. */
  readonly at: number;
}

export interface History {
  /** The messages in the order in which mq received them: body → Unix time in milliseconds. */
  readonly attempted: Map<string, number>;
  /** Body → the outcome that mq reported. */
  readonly outcomes: Map<string, SenderOutcome>;
  /** Bodies without an outcome, because their publisher was killed or stopped before it reported one. */
  readonly cutOff: Set<string>;
  readonly effects: Effect[];
  /** Every delivery to a handler of a ledger run; deliveries that end with an ack are effects too. */
  readonly runs: Run[];
  /** Bodies of the messages that mq reported as dropped. */
  readonly dropped: string[];
  /** Bodies found in the work queue and its wait queues at the end. */
  readonly drained: string[];
  /** Bodies found in the dead-letter queue at the end. */
  readonly deadLettered: string[];
  /** Errors of the processes: an undocumented exit status, a stack trace. */
  readonly violations: string[];
}

export function emptyHistory(): History {
  return {
    attempted: new Map(),
    outcomes: new Map(),
    cutOff: new Set(),
    effects: [],
    runs: [],
    dropped: [],
    drained: [],
    deadLettered: [],
    violations: [],
  };
}
