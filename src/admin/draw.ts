// A table for a terminal: columns that line up by what a terminal shows, cut where a line would be too long.

import stringWidth from 'string-width';

/** Space between two columns. */
const gap = '  ';
/** A column is not cut to less. */
const leastWidth = 8;

export interface Drawn {
  readonly columns: readonly string[];
  /** Texts without control characters. */
  readonly rows: readonly (readonly string[])[];
  /** Of the terminal. */
  readonly width: number;
  readonly hasHeaders: boolean;
}

/** The lines, without newlines. Numbers stand to the right. */
export function drawTable({ columns, rows, width, hasHeaders }: Drawn): string[] {
  const all = hasHeaders ? [columns, ...rows] : rows;
  const natural = columns.map((_, at) => Math.max(0, ...all.map((row) => stringWidth(row[at] ?? ''))));
  const widths = fitted(natural, width - gap.length * (columns.length - 1));
  const isNumber = columns.map((_, at) => rows.length > 0 && rows.every((row) => /^-?[\d.]*$/.test(row[at] ?? '')));
  return all.map((row) =>
    columns
      .map((_, at) => padded(cut(row[at] ?? '', widths[at] ?? 0), widths[at] ?? 0, isNumber[at] === true))
      .join(gap)
      .trimEnd(),
  );
}

/** The widest columns give way first. */
function fitted(natural: readonly number[], space: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, one) => sum + one, 0) - space;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= leastWidth) break;
    const next = Math.max(leastWidth, ...widths.filter((one) => one < widest));
    const those = widths.flatMap((one, at) => (one === widest ? [at] : []));
    const each = Math.max(1, Math.min(widest - next, Math.floor(excess / those.length)));
    for (const at of those) {
      if (excess <= 0) break;
      widths[at] = widest - each;
      excess -= each;
    }
  }
  return widths;
}

function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let taken = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    taken += stringWidth(segment);
    if (taken > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

function padded(text: string, width: number, isNumber: boolean): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return isNumber ? space + text : text + space;
}
