// Which files are tests: those that are named, and those below the folders that are named.

import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MqError, systemReason } from '../errors.ts';

/**
 * The test files, absolute, each once, in the order of their names below each word. Without words: those below `cwd`.
 * @throws {MqError} NO_INPUT for a name that is not there, or a folder without a test file
 */
export function findTestFiles(words: readonly string[], cwd: string): string[] {
  const found = (words.length === 0 ? ['.'] : words).flatMap((word) => filesOf(word, cwd));
  return [...new Set(found)];
}

function filesOf(word: string, cwd: string): string[] {
  const path = resolve(cwd, word);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new MqError('NO_INPUT', `there is no file or folder ${word}`, { at: word });
  if (!found.isDirectory()) return [path];
  const files = below(path);
  if (files.length > 0) return files;
  throw new MqError('NO_INPUT', `there is no test file in ${word === '.' ? 'this folder' : word}`, {
    at: word,
    hint: 'a test file is named *.test.ts, *.test.js or *.test.mjs',
  });
}

function below(folder: string): string[] {
  return entriesOf(folder)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return isPassedOver(entry.name) ? [] : below(path);
      return isTest(entry.name) ? [path] : [];
    });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const reason = systemReason(error);
    throw new MqError('NO_INPUT', `cannot read the folder ${folder}: ${reason}`, { at: folder, cause: error });
  }
}

function isPassedOver(folder: string): boolean {
  return folder.startsWith('.') || folder === 'node_modules' || folder === 'dist';
}

function isTest(name: string): boolean {
  return /\.test\.[cm]?[jt]s$/.test(name);
}
