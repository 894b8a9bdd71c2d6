// Prints the results of a benchmark: one line for each program, with the ratio of mq to it.

import { type Measured, median } from './measure.ts';

export interface Contestant {
  readonly name: string;
  /** One result for each round, in the order of the rounds. */
  readonly rounds: readonly Measured[];
}

export interface Column {
  readonly title: string;
  readonly of: (measured: Measured) => number;
  readonly digits?: number;
}

export const cpuMs: Column = { title: 'cpu ms', of: ({ cpuMs: ms }) => ms, digits: 1 };
export const elapsedMs: Column = { title: 'ms', of: ({ seconds }) => seconds * 1000 };
export const peakMb: Column = { title: 'peak MB', of: (measured) => measured.peakMb };

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/**
 * Prints the median of each column for each program. The first program is mq; `×` is the median over the rounds of mq's
 * figure divided by the other's figure of the same round.
 */
export function table(title: string, columns: readonly Column[], [mq, ...others]: readonly Contestant[]): void {
  if (!mq) return;
  say(`\n${title.padEnd(44)}${columns.map((column) => `${column.title.padStart(12)}${'×'.padStart(7)}`).join('')}`);
  for (const one of [mq, ...others]) {
    const cells = columns.map(({ of, digits = 0 }) => {
      const ratio = median(one.rounds.map((measured, round) => of(mq.rounds[round] ?? measured) / of(measured)));
      return `${median(one.rounds.map(of)).toFixed(digits).padStart(12)}${one === mq ? '       ' : ratio.toFixed(2).padStart(7)}`;
    });
    say(`  ${one.name.padEnd(42)}${cells.join('')}`);
  }
}

/** Subtracts the start of the program from each round, and divides by the number of messages. */
export function perMessage(all: readonly Measured[], start: readonly Measured[], messages: number): Measured[] {
  return all.map((measured, round) => {
    const empty = start[round] ?? measured;
    return {
      ...measured,
      seconds: Math.max(0, measured.seconds - empty.seconds) / messages,
      cpuMs: (measured.cpuMs - empty.cpuMs) / messages,
      ownCpuMs: (measured.ownCpuMs - empty.ownCpuMs) / messages,
    };
  });
}

export const messageColumns: readonly Column[] = [
  { title: 'cpu µs/msg', of: (measured) => measured.cpuMs * 1000, digits: 1 },
  { title: 'msg/s', of: ({ seconds }) => 1 / seconds },
  peakMb,
];
