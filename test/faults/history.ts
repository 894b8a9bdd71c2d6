// The record of one trial: the messages of the sender and their outcomes, the effects of the handlers, and the messages that
// another client found in the queues at the end. verdict.ts evaluates the record.

export type SenderOutcome = 'confirmed' | 'refused' | 'in doubt';

/** A record that a handler wrote about a message it handled. */
export interface Effect {
  /** The received body. */
  readonly body: string;
  /** Index of the receiver. */
  readonly slot: number;
  readonly redelivered: boolean;
  /** The attempt number that mq reported, from 1. */
  readonly attempt: number;
  /** Unix time in milliseconds. */
  readonly at: number;
}

/** A delivery to a handler in a ledger run, and its end. */
export interface Run {
  readonly body: string;
  /** The end of the handler: `ack`, another outcome, an exit status or a signal. */
  readonly way: string;
  /** Unix time in milliseconds. */
  readonly at: number;
}

export interface History {
  /** The messages in the order in which they were written to mq: body → Unix time in milliseconds. */
  readonly attempted: Map<string, number>;
  /** Body → the outcome that mq reported. */
  readonly outcomes: Map<string, SenderOutcome>;
  /** Bodies without an outcome, because their publisher was killed or stopped before it reported one. */
  readonly cutOff: Set<string>;
  readonly effects: Effect[];
  /** Every delivery to a handler of a ledger run. A delivery that ends with an ack is also an effect. */
  readonly runs: Run[];
  /** Bodies of the messages that mq reported as dropped. */
  readonly dropped: string[];
  /** Bodies found in the work queue and its wait queues at the end. */
  readonly drained: string[];
  /** Bodies found in the dead-letter queue at the end. */
  readonly deadLettered: string[];
  /** Errors of the processes, for example an undocumented exit status, and of the trial itself. */
  readonly errors: string[];
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
    errors: [],
  };
}
