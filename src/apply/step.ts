// Defines a step: one change of a broker that brings it closer to rascal.json.

import type { Management } from '../admin/client.ts';
import type { MqError } from '../errors.ts';
import type { Declarer, Session } from '../session/session.ts';
import type { ChangedObject } from '../topology/difference.ts';
import type { ReplaceReport } from './replace-report.ts';

/** A vhost of a broker. Two brokers may have vhosts of the same name, so each has an object of its own. */
export interface Place {
  /** Name on the broker. */
  readonly vhost: string;
  /** Name in rascal.json. The session knows the vhost by this name. */
  readonly name: string;
}

/** The connections with which steps change a vhost. */
export interface Target extends Place {
  /** The management API, which is proven to belong to the broker of the session. */
  readonly api: Management;
  readonly session: Session;
  /** Connects at the first call. */
  readonly declarer: () => Promise<Declarer>;
  /** Aborts at the first signal. A long step must end at a safe point. */
  readonly signal: AbortSignal;
  /** Shows how far a long step is. */
  readonly onProgress: (text: string) => void;
  /** Reports what a replacement did. It is printed when the step is done. */
  readonly onResult: (result: ReplaceReport) => void;
}

/**
 * The order of the steps. Policies are first, because they may apply to queues that are created. New bindings are made
 * before others are removed, so that no message is unroutable in between. Objects are deleted last.
 */
export const stages = ['policy', 'exchange', 'queue', 'binding', 'unbind', 'delete'] as const;

export interface Step {
  readonly stage: (typeof stages)[number];
  readonly action: 'create' | 'update' | 'replace' | 'delete';
  readonly place: Place;
  readonly object: ChangedObject;
  /**
   * Makes the change. It must be safe to run it again after an interruption at any point: the next plan contains what
   * is left.
   */
  run(target: Target): Promise<void>;
  /**
   * Called instead of `run` if a signal ends the run before this step, so that an earlier step of a group can be undone.
   * Returns the error, with what could not be undone.
   */
  stopped?(target: Target, error: MqError): Promise<unknown>;
}
