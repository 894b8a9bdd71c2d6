// Compares what programs need for one message: the difference between many messages and one, divided by their number.

import { inTurn, type Job } from '../measure.ts';
import { type Column, perMessage, table } from '../table.ts';

export interface Program {
  readonly name: string;
  /** Returns the job for this number of messages. */
  readonly job: (messages: number) => Job;
}

interface Comparison {
  readonly runs: number;
  readonly messages: number;
  readonly columns: readonly Column[];
  /** The first one is mq. */
  readonly programs: readonly Program[];
  /** Runs before each job for this number of messages. */
  readonly before: (messages: number) => Promise<void>;
}

export async function compare(title: string, { runs, messages, columns, programs, before }: Comparison): Promise<void> {
  const measured = (count: number) =>
    inTurn(
      runs,
      programs.map(({ job }) => job(count)),
      () => before(count),
    );
  const start = await measured(1);
  const all = await measured(messages);
  const rows = programs.map(({ name }, index) => ({
    name,
    rounds: perMessage(all[index] ?? [], start[index] ?? [], messages - 1),
  }));
  table(title, columns, rows);
}
