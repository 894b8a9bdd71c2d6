// Checks the form of README.md and of the pages of .github/docs: task, example, contents, and a page for every command.

import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../support/cli.ts';

const root = resolve(import.meta.dirname, '../../..');
const topics = globSync('.github/docs/*.md', { cwd: root }).toSorted();
/** A page with more headings than this has a list of contents. */
const fewHeadings = 2;

test('a page begins with its task in one sentence, followed by an example', () => {
  assert.equal(topics.flatMap(beginFaults), []);
});

test('a page with several headings lists them in order', () => {
  assert.equal(['README.md', ...topics].flatMap(contentsFaults), []);
});

test('README.md lists every command with a page that describes it', async () => {
  const commands = await commandNames();
  assert.ok(commands.includes('worker') && commands.includes('version'));
  const rows = section(read('README.md'), 'Commands').split('\n');
  assert.equal(
    commands.filter((name) => !rows.some((row) => isListed(name, row))),
    [],
  );
});

test('the help of every command names a page that describes it', async () => {
  for (const name of await commandNames()) {
    if (name === 'help') continue; // mq help --help lists the topics
    const { stdout } = await runCli([name, '--help']);
    const [, topic = ''] = /mq help ([a-z-]+)[^\n]*\n$/.exec(stdout) ?? [];
    // These pages describe the behaviour of all roles.
    const isOfRoles = ['publishing', 'handlers'].includes(topic);
    assert.ok(isOfRoles || read(`.github/docs/${topic}.md`).includes(`mq ${name}`), name);
  }
});

test('the repository of the releases is set at one place', () => {
  const owners = ['README.md', ...topics].flatMap((page) => read(page).match(/\bOWNER\b(?!\/NAME)/g) ?? []);
  assert.is(owners.length, 1);
});

test('the checks of a page fail for a page without task, example or contents', () => {
  const page = '# Title\n\n## One\n\ntext\n\n## Two\n\n- [One](#one)\n\n## Three\n';
  assert.is(taskOf(page), undefined);
  assert.is(taskOf('# T\n\nSend a message.\n\nMore.\n'), undefined);
  assert.is(taskOf('# T\n\nSend a message.\n\n```sh\nmq task a\n```\n'), 'Send a message.');
  assert.equal(missingFromContents(page), ['One', 'Two', 'Three']);
  assert.equal(missingFromContents('# T\n\n- [B](#b)\n- [A](#a)\n- [C](#c)\n\n## A\n\n## B\n\n## C\n'), [
    'A',
    'B',
    'C',
  ]);
  assert.equal(missingFromContents('# T\n\n- [A](#a)\n- [B](#b)\n- [C](#c)\n\n## A\n\n## B\n\n## C\n'), []);
});

async function commandNames(): Promise<string[]> {
  const { stdout } = await runCli(['--help']);
  return [...stdout.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name = '']) => name);
}

function beginFaults(page: string): string[] {
  const task = taskOf(read(page));
  if (task === undefined) return [`${page}: the title is not followed by a sentence and an example`];
  return task.length > 110 ? [`${page}: the task has ${task.length} characters`] : [];
}

/** Returns the first sentence of a page whose first or second paragraph is followed by an example. */
function taskOf(text: string): string | undefined {
  const [, task] = /^# .+\n\n([^\n#`].*\.)\n\n(?:[^\n#].*\n)*\n?```/.exec(text) ?? [];
  return task;
}

function contentsFaults(page: string): string[] {
  return missingFromContents(read(page)).map((heading) => `${page}: the contents do not list ${heading}`);
}

/** Returns the headings of a page if its contents are not exactly these. */
function missingFromContents(text: string): string[] {
  const prose = text.replaceAll(/^```.*?^```$/gms, '');
  const headings = [...prose.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
  if (headings.length <= fewHeadings) return [];
  const before = prose.slice(0, prose.indexOf('\n## '));
  const listed = [...before.matchAll(/^- \[([^\]]+)\]\(#/gm)].map(([, label = '']) => label);
  const isComplete = listed.join('\n') === headings.join('\n').replaceAll('`', '');
  return isComplete ? [] : headings;
}

/** Returns `true` if a row names the command and links to a page that names it too. */
function isListed(name: string, row: string): boolean {
  const [, commands = '', , link = ''] = row.split('|');
  const isNamed = [...commands.matchAll(/`(?:mq )?([a-z-]+)`/g)].some(([, command]) => command === name);
  const [, page] = /\]\(([^)#]+)/.exec(link) ?? [];
  return isNamed && page !== undefined && read(page).includes(`mq ${name}`);
}

function section(text: string, title: string): string {
  return text.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
}

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

test.run();
