// The document that mq plan --json prints.

import type { Difference, Others } from '../../../topology/difference.ts';

export interface Plan {
  /** Name of the user's file, or `null` for the file inside the executable. */
  readonly file: string | null;
  /** Address of the broker without user and password, or the name of the file with definitions. */
  readonly against: string;
  /** `amqp`: the broker without its management API. */
  readonly source: 'broker' | 'amqp' | 'definitions';
  /** Parts of the topology that could not be read. Empty unless the source is AMQP. */
  readonly notCompared: readonly string[];
  /** Names of the vhosts on the broker. */
  readonly vhosts: readonly string[];
  /** Vhosts on the broker to which several vhosts of rascal.json belong, because their address names the vhost. */
  readonly merged: readonly MergedVhost[];
  /** Number of differences of each action. */
  readonly create: number;
  readonly update: number;
  readonly replace: number;
  readonly blocked: number;
  readonly delete: number;
  readonly differences: readonly PlannedDifference[];
  /** Queues whose replacement was interrupted. */
  readonly unfinished: readonly UnfinishedReplacement[];
  readonly others: readonly ({ readonly vhost: string } & Others)[];
}

export interface MergedVhost {
  readonly vhost: string;
  /** Names in rascal.json. */
  readonly names: readonly string[];
}

interface UnfinishedReplacement {
  readonly vhost: string;
  readonly queue: string;
  /** Name of the queue that has the messages. */
  readonly holding: string;
}

export type PlannedDifference = {
  readonly vhost: string;
  /** Name of the vhost in rascal.json, if the difference has a policy that the user may add there. */
  readonly fileVhost?: string;
} & Difference;
