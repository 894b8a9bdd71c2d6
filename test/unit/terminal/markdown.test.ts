// Tests the format of a Markdown page on a terminal: wrapping, code, and tables that are too wide.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pages } from '../../../src/cli/commands/help/pages.ts';
import { formatMarkdown } from '../../../src/terminal/markdown.ts';

const plain = { width: 40, isColoured: false, linkText: (target: string) => ` <${target}>` };

test('wraps paragraphs and list items, but not code', () => {
  const page = `# Title

A paragraph that is longer than forty
columns, with \`code\`.

- an item that needs more than one line of the terminal
  or two
1. two

\`\`\`sh
mq task --header tenant=acme --header 'urgent:=true' photo.jpg

mq worker
\`\`\`
`;
  assert.is(
    formatMarkdown(page, plain),
    `# Title

A paragraph that is longer than forty
columns, with \`code\`.

- an item that needs more than one line
  of the terminal or two
1. two

    mq task --header tenant=acme --header 'urgent:=true' photo.jpg

    mq worker
`,
  );
});

test('wraps the cells of a wide table, and aligns its columns', () => {
  const page = `| option | meaning |
|---|--:|
| \`--on-fail\` | what becomes of a message that fails |
| \`a\\|b\` | |`;
  assert.is(
    formatMarkdown(page, plain),
    `option       meaning
───────────  ───────────────────────────
\`--on-fail\`  what becomes of a message
             that fails
\`a|b\`
`,
  );
});

test('prints a table as a list of rows if its words do not fit', () => {
  const page =
    '| option | meaning |\n|---|---|\n| `--exit-on-disconnect` | ends-with-69-and-not-otherwise |\n| a | b |';
  const text = 'option: `--exit-on-disconnect`\nmeaning: ends-with-69-and-not-otherwise\n\noption: a\nmeaning: b\n';
  assert.is(formatMarkdown(page, plain), text);
});

test('draws no line above a table without a header', () => {
  assert.is(formatMarkdown('| | |\n|---|---|\n| a | b |', plain), 'a  b\n');
});

test('prints the target of a link only if it can be opened', () => {
  const linkText = (target: string) => (target === 'a.md' ? ' (mq help a)' : '');
  assert.is(formatMarkdown('See [one](a.md), [two](#two).', { ...plain, linkText }), 'See one (mq help a), two.\n');
});

test('replaces a link whose label has code, but no link in code', () => {
  const linkText = () => ' (mq help a)';
  const page = 'See [the `--exec` status](a.md) and `[x](y)`.';
  assert.is(
    formatMarkdown(page, { ...plain, width: 80, linkText }),
    'See the `--exec` status (mq help a) and `[x](y)`.\n',
  );
});

test('prints a heading with code in bold, without backticks', () => {
  const text = formatMarkdown('## The `mq` file', { ...plain, isColoured: true });
  const bold = (word: string) => `\x1b[1m${word}\x1b[22m`;
  assert.is(text, `${bold('The')} ${bold('mq')} ${bold('file')}\n`);
});

test('no page has a link in its Markdown form on a terminal', () => {
  for (const [topic, page] of Object.entries(pages())) {
    const text = formatMarkdown(page, { ...plain, width: 1000, linkText: () => '' });
    const prose = text.split('\n').filter((line) => !line.startsWith('    '));
    assert.equal(
      prose.filter((line) => /\]\([^)]+\.md/.test(line)),
      [],
      topic,
    );
  }
});

test('prints emphasized words without asterisks', () => {
  const text = formatMarkdown('Is *at least*: `a *b*`, 2 * 3 * 4.', plain);
  assert.is(text, 'Is at least: `a *b*`, 2 * 3 * 4.\n');
});

test('styles each word, so that lines can break between words', () => {
  const text = formatMarkdown('A **bold word** and `mq help`.', { ...plain, width: 14, isColoured: true });
  const [bold, cyan] = [(word: string) => `\x1b[1m${word}\x1b[22m`, (word: string) => `\x1b[36m${word}\x1b[39m`];
  assert.is(text, `A ${bold('bold')} ${bold('word')}\nand ${cyan('mq')} ${cyan('help')}.\n`);
});

test.run();
