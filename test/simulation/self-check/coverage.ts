// Reads which code a run has executed, from the reports of NODE_V8_COVERAGE.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Report {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Range[] }[];
  }[];
}

export class Coverage {
  readonly #src: string;
  /** The ranges of each process, by file. */
  readonly #ranges = new Map<string, (readonly Range[])[]>();

  constructor(reports: string, src: string) {
    this.#src = src;
    for (const file of globSync('*.json', { cwd: reports })) {
      const { result } = JSON.parse(readFileSync(join(reports, file), 'utf8')) as Report;
      for (const { url, functions } of result) {
        if (!url.startsWith('file:')) continue;
        const path = fileURLToPath(url);
        const all = this.#ranges.get(path) ?? [];
        this.#ranges.set(path, [...all, functions.flatMap(({ ranges }) => ranges)]);
      }
    }
  }

  /** Returns `true` if the code at this offset was executed. Stripping types keeps the offsets. */
  has(file: string, offset: number): boolean {
    return (this.#ranges.get(join(this.#src, file)) ?? []).some((ranges) => {
      const around = ranges.filter(({ startOffset, endOffset }) => startOffset <= offset && offset < endOffset);
      const smallest = around.toSorted((a, b) => a.endOffset - a.startOffset - (b.endOffset - b.startOffset))[0];
      return smallest !== undefined && smallest.count > 0;
    });
  }
}
