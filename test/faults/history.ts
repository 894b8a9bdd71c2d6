// What happened in one trial, as it was told: by the sender (what was fed, what mq said of it), by the handlers (effects),
// and by another client at the end (what was left in the queues). verdict.ts judges it.

export type SenderOutcome = 'confirmed' | 'refused' | 'in doubt';

/** A message's handler wrote it down. */
export interface Effect {
  /** The body as it came. */
  readonly body: string;
  /** Which receiver: 0 is the first. */
  readonly slot: number;
  readonly redelivered: boolean;
  /** mq's count of attempts, from 1. */
  readonly attempt: number;
  /** Milliseconds, by the clock of this machine. */
  readonly at: number;
}

/** A handler was given a message, and how it let that end (a ledger run). */
export interface Run {
  readonly body: string;
  /** `ack`, an exit status, a signal, … */
  readonly way: string;
  /** Milliseconds, by the clock of this machine. */
  readonly at: number;
}

export interface History {
  /** The messages, in the order in which they were handed to mq: body → milliseconds. */
  readonly attempted: Map<string, number>;
  /** What mq said of them. */
  readonly outcomes: Map<string, SenderOutcome>;
  /** Handed to a publisher that was killed, or told to stop, before it said anything of them. */
  readonly cutOff: Set<string>;
  readonly effects: Effect[];
  /** Of a ledger run: every delivery to a handler; those that end with an ack are effects as well. */
  readonly runs: Run[];
  /** Bodies of the messages that mq says it has dropped. */
  readonly dropped: string[];
  /** Bodies found in the work queue and its wait queues at the end. */
  readonly drained: string[];
  /** Bodies found in the dead-letter queue at the end. */
  readonly deadLettered: string[];
  /** What a process did that it may not do: an undocumented exit status, a stack trace. */
  readonly misdeeds: string[];
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
    misdeeds: [],
  };
}
