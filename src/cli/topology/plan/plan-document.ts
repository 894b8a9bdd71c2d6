// The document that mq plan --json prints.

import type { Difference, Others } from '../../../topology/difference.ts';

export interface Plan {
  /** Name of the user's file, or `null` for the file inside the executable. */
  readonly file: string | null;
  /** Address of the broker without user and password, or the name of the file with definitions. */
  readonly against: string;
  readonly source: 'broker' | 'definitions';
  /** Names of the vhosts on the broker. */
  readonly vhosts: readonly string[];
  /** Number of differences of each action. */
  readonly create: number;
  readonly update: number;
  readonly replace: number;
  readonly blocked: number;
  readonly differences: readonly PlannedDifference[];
  readonly others: readonly ({ readonly vhost: string } & Others)[];
}

export type PlannedDifference = { readonly vhost: string } & Difference;
