// Shuffles items in an order that can be reproduced from its seed.

/** Returns a new seed: a whole number below 2³¹. */
export function newSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}

/** Returns the items in the order of the seed. The same items and seed produce the same order on any machine. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = mulberry32(seed);
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** Returns Tommy Ettinger's generator with 32 bits of state. It is small and sufficient for an order. */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
