// A pseudo-random generator with a seed (mulberry32).

export interface Random {
  /** Returns an integer, 0 ≤ n < limit. */
  below(limit: number): number;
  pick<T>(values: readonly T[]): T;
  /** Returns `true` with this probability. */
  chance(probability: number): boolean;
  bytes(length: number): Buffer;
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    pick: (values) => values[below(values.length)] as (typeof values)[number],
    chance: (probability) => next() < probability,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}

/** Returns the seed in the environment variable, or a new one. */
export function seedOf(variable: string): number {
  const given = process.env[variable];
  return given === undefined ? Math.floor(Math.random() * 0xffff_ffff) : Number(given);
}

/** Returns the count in the environment variable, or the default. */
export function countOf(variable: string, otherwise: number): number {
  return Number(process.env[variable] ?? otherwise);
}
