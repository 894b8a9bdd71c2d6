// Counts latencies in buckets whose width is at most 0.1 % of their value. The histograms of node:perf_hooks have the
// same buckets, but their counts cannot be written to a file or sent to another process.

/** Counts of latencies: the lowest value of a bucket in microseconds, and the number of values in it. */
export type BucketCounts = readonly (readonly [us: number, count: number])[];

/** Values below this have a bucket of their own. Each doubling above it has half as many buckets. */
const exact = 2048;
const half = exact / 2;
/** Longest latency in microseconds, about 35 minutes. Longer ones are counted as this one. */
const longestUs = 2 ** 31 - 1;
const buckets = bucketOf(longestUs) + 1;

export class Latencies {
  readonly #counts = new Uint32Array(buckets);
  #total = 0;
  #sumUs = 0;
  #minUs = longestUs;
  #maxUs = 0;

  get total(): number {
    return this.#total;
  }

  /** Mean in milliseconds. NaN without a value. */
  get meanMs(): number {
    return this.#sumUs / this.#total / 1000;
  }

  /** Largest value in milliseconds. NaN without a value. */
  get maxMs(): number {
    return this.#total === 0 ? Number.NaN : this.#maxUs / 1000;
  }

  /** Adds a latency in milliseconds. */
  record(ms: number): void {
    this.#add(Math.min(longestUs, Math.max(0, Math.round(ms * 1000))), 1);
  }

  /** Adds the counts of another histogram. */
  add(counts: BucketCounts): void {
    for (const [us, count] of counts) this.#add(us, count);
  }

  /**
   * Returns the latency in milliseconds that `percent` of all values do not exceed. Like that of node:perf_hooks, it is
   * the largest value of its bucket. NaN without a value.
   */
  percentileMs(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#total - 1e-9));
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return Math.max(this.#minUs, Math.min(lowestUs(bucket + 1) - 1, this.#maxUs)) / 1000;
    }
    return Number.NaN;
  }

  /** Returns the number of values that are larger than this one, in milliseconds. */
  countAbove(ms: number): number {
    let count = 0;
    for (let bucket = bucketOf(Math.min(longestUs, Math.round(ms * 1000))) + 1; bucket < buckets; bucket += 1) {
      count += this.#counts[bucket] ?? 0;
    }
    return count;
  }

  /** Returns the buckets that have values, in ascending order. */
  counts(): BucketCounts {
    const all: [number, number][] = [];
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      const count = this.#counts[bucket] ?? 0;
      if (count > 0) all.push([lowestUs(bucket), count]);
    }
    return all;
  }

  /** Removes all values. */
  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#sumUs = 0;
    this.#minUs = longestUs;
    this.#maxUs = 0;
  }

  #add(us: number, count: number): void {
    const bucket = bucketOf(us);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#total += count;
    this.#sumUs += us * count;
    if (us < this.#minUs) this.#minUs = us;
    if (us > this.#maxUs) this.#maxUs = us;
  }
}

function bucketOf(us: number): number {
  if (us < exact) return us;
  const shift = 21 - Math.clz32(us);
  return shift * half + (us >>> shift);
}

/** Returns the lowest value of a bucket in microseconds. */
function lowestUs(bucket: number): number {
  if (bucket < exact) return bucket;
  return (half + (bucket % half)) * 2 ** (Math.floor(bucket / half) - 1);
}
