// Checks the English of comments, texts and pages, as far as patterns can: words with a plain equivalent, and long titles.

import { commentsOf as commentsIn, nodesOf } from './source.ts';

interface UnplainWord {
  readonly pattern: RegExp;
  /** A text with the word, and a plain text that may replace it. */
  readonly bad: string;
  readonly good: string;
}

/** Words at the start of a comment, where a verb or the subject belongs. */
const openings: readonly UnplainWord[] = [
  {
    pattern: /^(Of|What|Whether|How|Who|Whose|The same)\b(?!.*\?)/,
    bad: 'Whether the queue is empty.',
    good: 'Returns whether the queue is empty.',
  },
  {
    pattern: /^(undefined|absent|empty|false|true|none): /,
    bad: 'undefined: no limit.',
    good: 'The limit, or `undefined` for no limit.',
  },
];

/** Words that have a plain equivalent, in comments and in the texts that a user reads. */
const words: readonly UnplainWord[] = [
  { pattern: /\b(some|any|no)body\b/i, bad: 'Nobody reads it.', good: 'No client reads it.' },
  { pattern: /\bwho(so)?ever\b/i, bad: 'whoever consumes', good: 'a client that consumes' },
  { pattern: /\banew\b/i, bad: 'It starts anew.', good: 'It starts again.' },
  { pattern: /\bhangs? on\b(?! to)/i, bad: 'It hangs on the type.', good: 'It depends on the type.' },
  { pattern: /\b(is|are|was|were) none\b/i, bad: 'A failed read is none.', good: 'A failed read is not an answer.' },
  { pattern: /\bgives\b(?! up)/i, bad: 'It gives a list.', good: 'It returns a list.' },
  {
    pattern:
      /\btakes\b(?! (place|effect|over|precedence|part|time|longer|about|at (most|least)|up to|(a|one) (second|minute|moment)|\d))/i,
    bad: 'It takes a message.',
    good: 'It accepts a message.',
  },
  { pattern: /\b(tells|told|says|said)\b/i, bad: 'It says so.', good: 'It reports that.' },
  { pattern: /\bstands (in|there|for|at)\b/i, bad: 'It stands in the file.', good: 'The file defines it.' },
  { pattern: /\b(has|have|had) (come|gone)\b/i, bad: 'The line has come.', good: 'The line was received.' },
  { pattern: /\b(stranger|meanwhile|once more|deaf)\b/i, bad: 'Once more.', good: 'Again.' },
  { pattern: /\bbeside\b/i, bad: 'beside the file', good: 'next to the file' },
  { pattern: /\bgo(es)? on\b/i, bad: 'The role goes on.', good: 'The role continues.' },
  { pattern: /\bone \w+ too (many|few)\b/i, bad: 'one argument too many', good: 'unexpected argument' },
  { pattern: /; undefined: /, bad: 'The limit; undefined: none.', good: 'The limit, if there is one.' },
];

/** A text of a file, with the line it starts at. */
interface Text {
  readonly line: number;
  readonly text: string;
  readonly isComment: boolean;
}

const titleLimit = 72;

/** Returns `path:line: word` for each unplain word of a file. Code spans and code blocks are not read. */
export function unplainWords(path: string, content: string): string[] {
  return textsOf(path, content).flatMap(({ line, text, isComment }) => {
    const plain = text
      .replace(/`[^`]*`/g, 'x')
      .replace(/\s+/g, ' ')
      .trim();
    const rows = isComment ? [...openings, ...words] : words;
    return rows.flatMap(({ pattern }) => {
      const found = pattern.exec(plain)?.[0];
      return found === undefined ? [] : [`${path}:${line}: ${found.trim()}`];
    });
  });
}

/** Returns `path:line: title` for each test title that is longer than 72 characters. */
export function longTitles(path: string, content: string): string[] {
  return nodesOf(path, content).flatMap(({ node, parent }) => {
    const text = textOf(node);
    if (text === undefined || text.length <= titleLimit || !isTitle(node, parent)) return [];
    return [`${path}:${lineAt(content, node['start'] as number)}: ${text}`];
  });
}

/** Returns the patterns that do not match their own example, or that match their plain sentence. */
export function brokenRows(): string[] {
  return [...openings, ...words].flatMap(({ pattern, bad, good }) =>
    pattern.test(bad) && !pattern.test(good) ? [] : [`${pattern}`],
  );
}

function textsOf(path: string, content: string): Text[] {
  if (path.endsWith('.md')) return paragraphsOf(content);
  if (/\.[cm]?[jt]s$/.test(path)) return [...commentsOf(path, content), ...stringsOf(path, content)];
  return content.split('\n').flatMap((text, index) => {
    const [, comment] = /^\s*#(?!!)\s*(.*)/.exec(text) ?? [];
    return comment === undefined ? [] : [{ line: index + 1, text: comment, isComment: true }];
  });
}

/** Returns the lines of a page outside its code blocks. */
function paragraphsOf(content: string): Text[] {
  const blank = (block: string) => block.replace(/[^\n]/g, '');
  const prose = content.replace(/^ *```[\s\S]*?^ *```/gm, blank);
  return prose.split('\n').map((text, index) => ({ line: index + 1, text, isComment: false }));
}

/** Returns the comments. `//` comments on consecutive lines are one text. */
function commentsOf(path: string, content: string): Text[] {
  const found: (Text & { end: number })[] = [];
  for (const { type, value, start, end } of commentsIn(path, content)) {
    const last = found.at(-1);
    const isNext = last !== undefined && type === 'Line' && /^\n? *$/.test(content.slice(last.end, start));
    const text = type === 'Line' ? value : value.replace(/^\s*\*+/gm, '');
    if (isNext) found[found.length - 1] = { ...last, text: `${last.text} ${text}`, end };
    else found.push({ line: lineAt(content, start), text, isComment: true, end });
  }
  return found;
}

/** Returns the strings of more than one word. In a test, only titles count. */
function stringsOf(path: string, content: string): Text[] {
  return nodesOf(path, content).flatMap(({ node, parent }) => {
    const text = textOf(node);
    if (text === undefined || !/\S \S/.test(text)) return [];
    if (path.startsWith('test/') && !isTitle(node, parent)) return [];
    return [{ line: lineAt(content, node['start'] as number), text, isComment: false }];
  });
}

function textOf(node: { readonly type: string; readonly [field: string]: unknown }): string | undefined {
  if (node.type === 'Literal') return typeof node['value'] === 'string' ? node['value'] : undefined;
  if (node.type !== 'TemplateLiteral') return undefined;
  return (node['quasis'] as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join('x');
}

/** Returns `true` for the first argument of a call that also has a function, and for the value of `title:`. */
function isTitle(node: unknown, parent: { readonly [field: string]: unknown } | undefined): boolean {
  if (parent?.['type'] === 'Property') return (parent['key'] as { name?: unknown }).name === 'title';
  const given = parent?.['type'] === 'CallExpression' ? (parent['arguments'] as { type: string }[]) : [];
  return given[0] === node && given.slice(1).some(({ type }) => type.endsWith('FunctionExpression'));
}

function lineAt(content: string, offset: number): number {
  return content.slice(0, offset).split('\n').length;
}
