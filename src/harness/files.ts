// Which files are tests: those that are named, and those below the folders that are named.

import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MqError, systemReason } from '../errors.ts';

/**
 * The test files, absolute, each once, in the order of their names below each word. Without words: those below `cwd`.
 * @throws {MqError} NO_INPUT for a name that is not there, or a folder without a test file
 */
export async function findTestFiles(words: readonly string[], cwd: string): Promise<string[]> {
  const found = await Promise.all((words.length === 0 ? ['.'] : words).map((word) => filesOf(word, cwd)));
  return [...new Set(found.flat())];
}

async function filesOf(word: string, cwd: string): Promise<string[]> {
  const path = resolve(cwd, word);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new MqError('NO_INPUT', `there is no file or folder ${word}`, { at: word });
  if (!found.isDirectory()) return [path];
  const files = await below(path);
  if (files.length > 0) return files;
  throw new MqError('NO_INPUT', `there is no test file in ${word === '.' ? 'this folder' : word}`, {
    at: word,
    hint: 'a test file is named *.test.ts, *.test.js or *.test.mjs',
  });
}

async function below(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: Error) => {
    throw new MqError('NO_INPUT', `cannot read the folder ${folder}: ${systemReason(error)}`, {
      at: folder,
      cause: error,
    });
  });
  const lists = await Promise.all(
    entries
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return isPassedOver(entry.name) ? [] : below(path);
        return isTest(entry.name) ? [path] : [];
      }),
  );
  return lists.flat();
}

function isPassedOver(folder: string): boolean {
  return folder.startsWith('.') || folder === 'node_modules' || folder === 'dist';
}

function isTest(name: string): boolean {
  return /\.test\.[cm]?[jt]s$/.test(name);
}
