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
const colors = { text: '#1f2937', soft: '#6b7280', grid: '#e5e7eb', gap: '#f3f4f6', card: '#ffffff' } as const;
/** Maximum number of points of a line: one for two pixels. */
const mostPoints = plot.width / 2;
/** Maximum number of characters of a title. */
const longest = { title: 100, subtitle: 115 } as const;

interface Point extends Sample {
  readonly latencyMs: LatencySummary;
}

export interface Titles {
  readonly title: string;
  readonly subtitle: string;
}

/**
 * Returns a document. Its colours are attributes, because many viewers other than browsers ignore CSS. A second without a
 * value interrupts the lines, and its area is grey.
 */
export function chartOf({ title, subtitle }: Titles, seconds: readonly Sample[]): string {
  const width = Math.max(1, Math.ceil(seconds.length / mostPoints));
  const samples = joined(seconds, width);
  const runs = runsOf(samples);
  const gaps = gapsOf(samples);
  const all = runs.flat().flatMap(({ latencyMs }) => lines.map(([name]) => Math.max(0.001, latencyMs[name])));
  const [low, high] = decades(all);
  const last = samples.reduce((most, { at }) => Math.max(most, at), 1);
  const x = (at: number) => round(plot.left + (at / last) * plot.width);
  const y = (ms: number) =>
    round(plot.top + plot.height * (1 - (Math.log10(Math.max(10 ** low, ms)) - low) / (high - low)));
  const points = (run: readonly Point[], name: Line) =>
    run.map(({ at, latencyMs }) => [x(at), y(latencyMs[name])] as const);
  const notes = [
    ...(width > 1 ? [`each point is the largest value of ${width} s`] : []),
    ...(gaps.length > 0 ? ['grey: no message arrived'] : []),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="${colors.card}"/>`,
    `<text x="${plot.left}" y="22" fill="${colors.text}" font-size="14" font-weight="600">${xml(cut(title, longest.title))}</text>`,
    text(plot.left, 40, cut(subtitle, longest.subtitle)),
    ...gaps.map(([from, to]) => gapArea(x(from), x(to))),
    ...Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)).map((ms) => levelLine(y(ms), ms)),
    ...ticksOf(last).map((at) => secondLine(x(at), at)),
    ...lines.map(([name, color]) => runs.map((run) => lineOf(points(run, name), { name, color })).join('')),
    ...lines.map(legendOf),
    ...(notes.length > 0 ? [text(plot.left + 70 * lines.length, 58, notes.join(', '))] : []),
    '</svg>\n',
  ].join('\n');
}

/** Joins each `width` seconds into one sample with their largest values, so that a short peak remains visible. */
function joined(seconds: readonly Sample[], width: number): Sample[] {
  return Array.from({ length: Math.ceil(seconds.length / width) }, (_, index) => {
    const some = seconds.slice(index * width, (index + 1) * width);
    const summaries = some.flatMap(({ latencyMs }) => latencyMs ?? []);
    const [first, ...others] = summaries;
    return { at: some.at(-1)?.at ?? 0, latencyMs: first && others.reduce(largest, first) };
  });
}

function largest(one: LatencySummary, other: LatencySummary): LatencySummary {
  const of = (name: Line) => Math.max(one[name], other[name]);
  return { ...one, p50: of('p50'), p99: of('p99'), max: of('max') };
}

/** Returns the times without a value, in seconds. */
function gapsOf(samples: readonly Sample[]): [from: number, to: number][] {
  const gaps: [from: number, to: number][] = [];
  let before = 0;
  for (const { at, latencyMs } of samples) {
    const gap = gaps.at(-1);
    if (latencyMs === undefined && gap?.[1] === before) gap[1] = at;
    else if (latencyMs === undefined) gaps.push([before, at]);
    before = at;
  }
  return gaps;
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

function legendOf([name, color]: (typeof lines)[number], index: number): string {
  const left = plot.left + 70 * index;
  return `<rect x="${left}" y="52" width="10" height="3" fill="${color}"/>${text(left + 16, 58, name)}`;
}

function gapArea(from: number, to: number): string {
  return `<rect class="gap" x="${from}" y="${plot.top}" width="${round(to - from)}" height="${plot.height}" fill="${colors.gap}"/>`;
}

function levelLine(y: number, ms: number): string {
  return [
    `<line x1="${plot.left}" x2="${plot.left + plot.width}" y1="${y}" y2="${y}" stroke="${colors.grid}"/>`,
    text(plot.left - 8, y + 4, msText(ms), 'end'),
  ].join('');
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

function cut(words: string, most: number): string {
  return words.length > most ? `${words.slice(0, most - 1)}…` : words;
}

function xml(words: string): string {
  return words
    .replace(/[^\P{C}\t\n]/gu, '�')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
