// Draws the latency over time as SVG: one line for each percentile, on a logarithmic scale.

import type { LatencySummary } from './result.ts';

export interface Sample {
  /** Seconds from the start of the measurement. */
  readonly at: number;
  readonly latencyMs: LatencySummary | undefined;
}

type Line = 'p50' | 'p99' | 'max';
const lines: readonly (readonly [name: Line, color: string])[] = [
  ['p50', '#0369a1'],
  ['p99', '#b45309'],
  ['max', '#b91c1c'],
];
const size = { width: 960, height: 420 } as const;
const plot = { left: 80, top: 66, width: size.width - 100, height: size.height - 118 } as const;
const colors = { text: '#1f2937', soft: '#6b7280', grid: '#e5e7eb', card: '#ffffff' } as const;

interface Point extends Sample {
  readonly latencyMs: LatencySummary;
}

export interface Titles {
  readonly title: string;
  readonly subtitle: string;
}

/**
 * Returns a document. Its colours are attributes, because many viewers other than browsers ignore CSS. A second without a
 * value interrupts the lines.
 */
export function chartOf({ title, subtitle }: Titles, samples: readonly Sample[]): string {
  const runs = runsOf(samples);
  const points = runs.flat();
  const all = points.flatMap(({ latencyMs }) => lines.map(([name]) => Math.max(0.001, latencyMs[name])));
  const [low, high] = decades(all);
  const last = samples.reduce((most, { at }) => Math.max(most, at), 1);
  const x = (at: number) => round(plot.left + (at / last) * plot.width);
  const y = (ms: number) =>
    round(plot.top + plot.height * (1 - (Math.log10(Math.max(10 ** low, ms)) - low) / (high - low)));
  const grid = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)).map((ms) =>
    [
      `<line x1="${plot.left}" x2="${plot.left + plot.width}" y1="${y(ms)}" y2="${y(ms)}" stroke="${colors.grid}"/>`,
      text(plot.left - 8, y(ms) + 4, msText(ms), 'end'),
    ].join(''),
  );
  const drawn = lines.map(([name, color], index) => {
    const left = plot.left + 70 * index;
    return [
      ...runs.map((run) =>
        lineOf(
          run.map(({ at, latencyMs }) => [x(at), y(latencyMs[name])]),
          { name, color },
        ),
      ),
      `<rect x="${left}" y="52" width="10" height="3" fill="${color}"/>`,
      text(left + 16, 58, name),
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="${colors.card}"/>`,
    `<text x="${plot.left}" y="22" fill="${colors.text}" font-size="14" font-weight="600">${xml(title)}</text>`,
    text(plot.left, 40, subtitle),
    ...grid,
    ...ticksOf(last).map((at) => secondLine(x(at), at)),
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

/** Returns the points in runs without a gap. */
function runsOf(samples: readonly Sample[]): Point[][] {
  const runs: Point[][] = [];
  let run: Point[] = [];
  for (const { at, latencyMs } of samples) {
    if (latencyMs === undefined) run = [];
    else if (run.push({ at, latencyMs }) === 1) runs.push(run);
  }
  return runs;
}

/** Returns a line. A single point is drawn as a dot, because a line of one point is invisible. */
function lineOf(
  points: readonly (readonly [x: number, y: number])[],
  { name, color }: { readonly name: Line; readonly color: string },
): string {
  const [[x, y] = [0, 0], ...others] = points;
  if (others.length === 0) return `<circle class="${name}" cx="${x}" cy="${y}" r="2" fill="${color}"/>`;
  const path = points.map((point) => point.join(',')).join(' ');
  return `<polyline class="${name}" points="${path}" fill="none" stroke="${color}" stroke-width="1.5"/>`;
}

/** Returns at most eleven times in seconds for the axis, in steps of 1, 2 or 5 and their tenfold. */
function ticksOf(last: number): number[] {
  const step = [1, 2, 5, 10, 20, 50].map((one) => one * 10 ** Math.max(0, Math.floor(Math.log10(last)) - 1));
  const width = step.find((one) => last / one <= 10) ?? last;
  return Array.from({ length: Math.floor(last / width) + 1 }, (_, index) => index * width);
}

function secondLine(x: number, at: number): string {
  const bottom = plot.top + plot.height;
  return [
    `<line class="second" x1="${x}" x2="${x}" y1="${plot.top}" y2="${bottom}" stroke="${colors.grid}"/>`,
    text(x, bottom + 18, `${at} s`, 'middle'),
  ].join('');
}

/** Returns the powers of ten below and above all values. */
function decades(values: readonly number[]): [low: number, high: number] {
  if (values.length === 0) return [0, 1];
  const low = Math.floor(Math.log10(values.reduce((one, other) => Math.min(one, other))));
  const high = Math.ceil(Math.log10(values.reduce((one, other) => Math.max(one, other))));
  return [low, Math.max(low + 1, high)];
}

function text(x: number, y: number, words: string, anchor = 'start'): string {
  return `<text x="${x}" y="${y}" fill="${colors.soft}" text-anchor="${anchor}">${xml(words)}</text>`;
}

function msText(ms: number): string {
  if (ms >= 1000) return `${ms / 1000} s`;
  return ms >= 1 ? `${ms} ms` : `${Math.round(ms * 1000)} µs`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function xml(words: string): string {
  return words
    .replace(/[^\P{C}\t\n]/gu, '�')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
