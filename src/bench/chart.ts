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
const plot = { left: 80, top: 48, width: size.width - 100, height: size.height - 100 } as const;
const colors = { text: '#1f2937', soft: '#6b7280', grid: '#e5e7eb', card: '#ffffff' } as const;

/** Returns a document. Its colours are attributes, because many viewers other than browsers ignore CSS. */
export function chartOf(title: string, samples: readonly Sample[]): string {
  const points = samples.flatMap(({ at, latencyMs }) => (latencyMs ? [{ at, latencyMs }] : []));
  const all = points.flatMap(({ latencyMs }) => lines.map(([name]) => Math.max(0.001, latencyMs[name])));
  const [low, high] = decades(all);
  const last = Math.max(1, ...points.map(({ at }) => at));
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
    const path = points.map(({ at, latencyMs }) => `${x(at)},${y(latencyMs[name])}`).join(' ');
    const left = plot.left + 70 * index;
    return [
      `<polyline class="${name}" points="${path}" fill="none" stroke="${color}" stroke-width="1.5"/>`,
      `<rect x="${left}" y="34" width="10" height="3" fill="${color}"/>`,
      text(left + 16, 40, name),
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="${colors.card}"/>`,
    `<text x="${plot.left}" y="22" fill="${colors.text}" font-size="14" font-weight="600">${xml(title)}</text>`,
    ...grid,
    ...drawn,
    text(plot.left, size.height - 28, '0 s'),
    text(plot.left + plot.width, size.height - 28, `${Math.round(last)} s`, 'end'),
    '</svg>\n',
  ].join('\n');
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
