// Checks that links between README.md and the pages lead to existing files and headings, and that README.md is short.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = resolve(import.meta.dirname, '../../..');
const pages = ['README.md', ...globSync('.github/{*,docs/**/*}.md', { cwd: root })];

test('every link leads to a file and a heading that exist', () => {
  assert.equal(pages.flatMap(brokenLinks), []);
});

test('every source file that ARCHITECTURE.md and CONTRIBUTING.md name exists', () => {
  const texts = ['ARCHITECTURE.md', 'CONTRIBUTING.md'].map((page) => read(`.github/${page}`)).join('\n');
  const files = [...texts.matchAll(/`((?:src\/|test\/)?[\w-]+\/[\w/-]+\.ts)`/g)].map(([, file = '']) => file);
  assert.ok(files.length > 30);
  // `X` is any command.
  const isThere = (file: string) =>
    file === 'cli/commands/X.ts' || existsSync(join(root, file)) || existsSync(join(root, 'src', file));
  assert.equal(
    files.filter((file) => !isThere(file)),
    [],
  );
});

test('every page is linked from README.md', () => {
  const readme = read('README.md');
  const unlinked = globSync('.github/docs/{,guides/}*.md', { cwd: root }).filter(
    (page) => !readme.includes(`(${page}`),
  );
  assert.equal(unlinked, []);
});

test('README.md has at most 250 lines', () => {
  assert.ok(read('README.md').split('\n').length <= 250);
});

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

function brokenLinks(page: string): string[] {
  const text = read(page).replaceAll(/^```.*?^```$/gms, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^\w+:/.test(link)) return [];
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : relative(root, resolve(root, dirname(page), path));
    if (!existsSync(join(root, target))) return [`${page}: ${link}`];
    const isThere = anchor === undefined || anchorsOf(target).includes(anchor);
    return isThere ? [] : [`${page}: ${link}`];
  });
}

/** Returns the anchors of a page. GitHub: lower case, without punctuation, a hyphen for each space. */
function anchorsOf(page: string): string[] {
  const headings = [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.run();
