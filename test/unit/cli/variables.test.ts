// Tests that command-line.md and handlers.md name exactly the environment variables that the source uses.

import { globSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = `${import.meta.dirname}/../../..`;
/** Variables that users do not set: of the completion script for PowerShell, and of the processes of mq bench. */
const internal = ['MQ_COMPLETION_WORDS', 'MQ_BENCH_PROCESS'];

test('the pages list exactly the environment variables of the source', () => {
  const sources = globSync('src/**/*.ts', { cwd: root }).map(read).join('\n');
  const ofUsers = namesIn(section(read('.github/docs/command-line.md'), '## Environment variables'));
  const ofHandlers = namesIn(section(read('.github/docs/handlers.md'), '## What `--exec` receives'));
  assert.equal([...ofUsers, ...ofHandlers].toSorted(), namesIn(sources));
  assert.equal(ofHandlers, namesIn(read('src/handlers/exec-message.ts')));
});

function read(path: string): string {
  return readFileSync(`${root}/${path}`, 'utf8');
}

function section(text: string, title: string): string {
  return text.split(`\n${title}\n`)[1]?.split('\n## ')[0] ?? '';
}

/** Returns the variables in a text. `MQ_HEADER_TENANT` is an example of `MQ_HEADER_…`. */
function namesIn(text: string): string[] {
  const found = text.match(/\bMQ_[A-Z]+(?:_[A-Z]+)*/g) ?? [];
  const names = found.map((name) => name.replace(/^MQ_HEADER.*/, 'MQ_HEADER'));
  return [...new Set(names)].filter((name) => !internal.includes(name)).toSorted();
}

test.run();
