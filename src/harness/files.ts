// Finds the test files: named files, and the test files below named folders.

import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MqError, systemReason } from '../errors.ts';
import { filePath, isPlainText, textOfBytes } from '../session/byte-text.ts';

/**
 * Returns the absolute paths of the test files without duplicates, sorted by name within each argument. Without
 * arguments it searches below `cwd`.
 * @throws {MqError} NO_INPUT for a path that does not exist, or a folder without a test file
 */
export function findTestFiles(words: readonly string[], cwd: string): string[] {
  const found = (words.length === 0 ? ['.'] : words).flatMap((word) => filesOf(word, cwd));
  return [...new Set(found)];
}

function filesOf(word: string, cwd: string): string[] {
  const path = resolve(cwd, word);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new MqError('NO_INPUT', `no such file or folder: ${word}`, { at: word });
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
      if (entry.isDirectory()) return isIgnored(entry.name) ? [] : below(path);
      if (!isTest(entry.name)) return [];
      if (isPlainText(path)) return [path];
      throw new MqError('USAGE', `the name of the test file ${path} is not UTF-8`, { hint: 'rename it' });
    });
}

interface Entry {
  readonly name: string;
  isDirectory(): boolean;
}

function entriesOf(folder: string): Entry[] {
  try {
    // Names are read as bytes, because Node replaces bytes that are not UTF-8 with U+FFFD, and the result is not the
    // name of the file.
    return readdirSync(filePath(folder), { withFileTypes: true, encoding: 'buffer' }).map((entry) => ({
      name: textOfBytes(entry.name),
      isDirectory: () => entry.isDirectory(),
    }));
  } catch (error) {
    const reason = systemReason(error);
    throw new MqError('NO_INPUT', `cannot read the folder ${folder}: ${reason}`, { at: folder, cause: error });
  }
}

function isIgnored(folder: string): boolean {
  return folder.startsWith('.') || folder === 'node_modules' || folder === 'dist';
}

function isTest(name: string): boolean {
  return /\.test\.[cm]?[jt]s$/.test(name);
}
