// Tests the answer to the completion request of a shell.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { completions } from '../../../../src/cli/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';

const rascal = {
  vhosts: { '/': { queues: { jobs: {}, 'line\nbreak': {} } } },
  publications: { invoices: { queue: 'jobs' } },
  subscriptions: { parcels: { queue: 'jobs' } },
  mq: { roles: { thumbnails: { reply: 'parcels', summary: 'make thumbnails' } } },
};

function answer(typed: readonly string[], cwd: string): Promise<string> {
  return completions(['--', ...typed], { cwd, env: {} });
}

test('completions have the built-in names without a valid rascal.json', async () => {
  for (const files of [{}, { 'rascal.json': '{ "vhosts": ' }, { 'rascal.json': '[1]' }]) {
    assert.is(await answer(['publish', 'ta'], emptyFolder(files)), 'words\ntask\n');
  }
});

test('the shell completes the file of a command', async () => {
  for (const command of ['apply', 'check']) assert.is(await answer([command, ''], emptyFolder()), 'files\n', command);
});

test('completions read the file that --config names', async () => {
  const cwd = emptyFolder({ 'other.json': JSON.stringify(rascal) });
  for (const typed of [
    ['--config', 'other.json', 'thu'],
    ['publish', '--config=other.json', 'inv'],
  ]) {
    assert.match(await answer(typed, cwd), /^words\n(thumbnails\tmake thumbnails|invoices)\n$/);
  }
});

test('completions of mq peek are the queues, once', async () => {
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(rascal) });
  assert.is(await answer(['peek', 'j'], cwd), 'words\njobs\n');
  assert.is(await answer(['peek', 'jobs', 'j'], cwd), 'words\n');
});

test('completions skip names with control characters', async () => {
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(rascal) });
  assert.is(await completions([], { cwd, env: { MQ_COMPLETION_WORDS: 'dlq\nlist\nline' } }), 'words\n');
});

test.run();
