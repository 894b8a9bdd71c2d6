// Records `mq demo` on a terminal as an SVG, the picture of README.md: `npm run demo`. Each line appears at its time; a
// viewer without animations shows all lines.

import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const root = dirname(dirname(import.meta.dirname));
const output = join(root, '.github', 'demo.svg');
/** Columns of the terminal. */
const columns = 84;
const font = { size: 14, width: 8.43, line: 19 };
const margin = 20;
/** Height of the title bar. */
const bar = 34;
/** Factor by which the picture plays the recording more slowly, so that a viewer can read along. */
const slowness = 3;

/** Classes of the picture by the codes that a terminal uses for styles. */
const styles: Readonly<Record<string, string>> = { 1: 'bold', 32: 'green', 36: 'cyan' };

interface Line {
  readonly text: string;
  /** Seconds since the start. */
  readonly at: number;
}

/** Part of a line with one style. */
interface Span {
  readonly text: string;
  readonly style: string;
  readonly column: number;
}

const lines: readonly Line[] = [{ text: '$ mq demo', at: 0 }, ...(await record())];
await writeFile(output, drawing(lines));
process.stdout.write(`${output}\n`);

/** Runs `mq demo` on a pseudo-terminal of util-linux and returns its lines. */
function record(): Promise<Line[]> {
  const command = `stty cols ${columns}; exec ${join(root, 'dist', 'mq')} demo`;
  const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const begin = performance.now();
  const found: Line[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const complete = (rest + String(chunk)).replaceAll('\r', '').split('\n');
    rest = complete.pop() ?? '';
    const at = (performance.now() - begin) / 1000;
    for (const text of complete) found.push({ text, at });
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => (status === 0 ? resolve(found) : reject(new Error(`mq demo ended with ${status}`))));
  });
}

function drawing(shown: readonly Line[]): string {
  const width = Math.ceil(columns * font.width + 2 * margin);
  const height = bar + shown.length * font.line + margin;
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (colour, at) => `<circle cx="${margin + at * 20}" cy="${bar / 2}" r="6" fill="${colour}"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<title>mq demo: the six scenarios on an embedded broker</title>
<style>
text { font: ${font.size}px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d6deeb; white-space: pre; }
.bold { font-weight: bold; fill: #ffffff; } .green { fill: #7ee787; } .cyan { fill: #79c0ff; }
g { animation: appear 0.1s backwards; } @keyframes appear { from { opacity: 0; } }
</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
${dots.join('')}
${shown.map((line, index) => drawnLine(line, bar + (index + 1) * font.line)).join('\n')}
</svg>
`;
}

function drawnLine({ text, at }: Line, y: number): string {
  const spans = spansOf(text).map(({ text: part, style, column }) => {
    const x = (margin + column * font.width).toFixed(1);
    return `<tspan x="${x}"${style && ` class="${style}"`}>${xml(part)}</tspan>`;
  });
  return `<g style="animation-delay:${(at * slowness).toFixed(1)}s"><text y="${y}">${spans.join('')}</text></g>`;
}

/** Splits a line at the control sequences that change its style, and at its larger gaps. */
function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let column = 0;
  for (const [index, part] of text.split('\u001b[').entries()) {
    const [, code = '', shown = part] = index === 0 ? [] : (/^(\d+)m(.*)$/.exec(part) ?? []);
    for (const words of shown.split(/( {2,})/)) {
      if (words.trim() !== '') spans.push({ text: words, style: styles[code] ?? '', column });
      column += words.length;
    }
  }
  return spans;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
