// Finds the program of `--exec` and checks that it can start, before mq receives the first message. A wrong name
// therefore affects no message.

import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { platform } from 'node:os';
import { basename, delimiter, isAbsolute, resolve } from 'node:path';
import { MqError, systemCode } from '../errors.ts';
import { systemReason } from './reason.ts';

export interface ProgramContext {
  /** Absolute path of the folder in which the program runs. Relative paths in the command are resolved against it. */
  readonly folder: string;
  /** Environment whose PATH is searched for a command without a slash. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface CommandFault {
  /** Index of the invalid word. */
  readonly word: number;
  /** `cannot run ./x.sh: no such file` */
  readonly message: string;
  readonly hint: string;
}

/**
 * Returns the absolute path of the program.
 * @throws {MqError} SYSTEM if it cannot run, with the reason and a hint.
 */
export function findExecutable(words: readonly string[], context: ProgramContext): string {
  const found = locate(words, context);
  if (typeof found === 'string') return found;
  const { message, hint, word } = found;
  throw new MqError('SYSTEM', message, { hint, at: words[word] ?? '' });
}

/**
 * Returns the error for a shell or interpreter that ended with 126 (cannot execute) or 127 (not found). The error ends
 * the role, because every message would fail in the same way and a broken installation would dead-letter the whole
 * queue.
 */
export function cannotRun(command: string, status: number): MqError {
  const what = status === 127 ? 'was not found' : 'cannot be executed';
  return new MqError('SYSTEM', `cannot run ${command}: exit status ${status}: a program that it runs ${what}`, {
    hint: 'its output above names the program; the message went back to its queue',
    at: command,
  });
}

/** Returns the absolute path of the program, or why it cannot run. */
export function locate(words: readonly string[], context: ProgramContext): string | CommandFault {
  const [command = ''] = words;
  const file = programOf(command, context);
  if (typeof file !== 'string') return { word: 0, message: `cannot run ${command}: ${file.reason}`, hint: file.hint };
  const reason = interpreterFault(file, context);
  if (reason !== undefined) return { word: 0, message: `cannot run ${command}: ${reason.reason}`, hint: reason.hint };
  return scriptFault(words, context) ?? file;
}

interface Fault {
  readonly reason: string;
  readonly hint: string;
}

function programOf(command: string, { folder, env }: ProgramContext): string | Fault {
  const isPath = /[/\\]/.test(command) && (command.includes('/') || platform() === 'win32');
  const candidates = isPath ? [resolve(folder, command)] : onPath(command, { folder, env });
  let nearest: Fault | undefined;
  for (const candidate of candidates.flatMap((path) => withEndings(path, env))) {
    const fault = faultOf(candidate, command);
    if (fault === undefined) return candidate;
    if (fault !== missing) nearest ??= fault;
  }
  return nearest ?? (/\s/.test(command) ? oneWord(command) : isPath ? missing : missingOnPath(command));
}

const missing: Fault = {
  reason: 'no such file',
  hint: 'check the path: it is relative to the current folder, but in rascal.json to the folder of that file',
};

function missingOnPath(command: string): Fault {
  return {
    reason: 'no such command on PATH',
    hint: `for a file in this folder write ./${command}; for shell syntax use sh -c "…"`,
  };
}

/** Returns the fault for a command line that is quoted as one word: `--exec 'python3 x.py'`. */
function oneWord(command: string): Fault {
  return {
    reason: 'no such command; the command and its arguments are quoted as one word',
    hint: `remove the quotes: --exec ${command}; in rascal.json write a list; for shell syntax use sh -c "…"`,
  };
}

function onPath(command: string, { folder, env }: ProgramContext): string[] {
  if (command === '') return [];
  // POSIX: an empty entry means the current folder.
  return (env['PATH'] ?? env['Path'] ?? '').split(delimiter).map((entry) => resolve(folder, entry, command));
}

function withEndings(path: string, env: ProgramContext['env']): string[] {
  if (platform() !== 'win32') return [path];
  return [path, ...(env['PATHEXT'] ?? '.COM;.EXE').split(';').map((ending) => path + ending)];
}

function faultOf(path: string, command: string): Fault | undefined {
  try {
    if (!statSync(path).isFile()) return { reason: 'not a file', hint: 'name an executable file' };
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return missing;
    return { reason: systemReason(error), hint: 'check the permissions of its parent folders' };
  }
  try {
    accessSync(path, constants.X_OK);
    return undefined;
  } catch {
    return { reason: 'not executable', hint: `chmod +x ${command}` };
  }
}

/**
 * Checks the first line of a script, because the system reports a missing interpreter as if the script were missing.
 */
function interpreterFault(file: string, context: ProgramContext): Fault | undefined {
  const line = /^#![^\n]*/.exec(beginningOf(file))?.[0];
  if (line === undefined || platform() === 'win32') return undefined;
  if (line.endsWith('\r')) {
    return {
      reason: 'its first line ends with a carriage return (Windows line ending)',
      hint: `convert its line endings: sed -i 's/\\r$//' ${file}`,
    };
  }
  const [interpreter = '', first, second] = line.slice(2).trim().split(/\s+/);
  const hint = `install it, or correct the first line of ${file}`;
  if (isAbsolute(interpreter) && !exists(interpreter))
    return { reason: `its interpreter ${interpreter} is missing`, hint };
  const name = first === '-S' ? second : first;
  if (basename(interpreter) !== 'env' || name === undefined || /[-=/]/.test(name[0] ?? '') || name.includes('=')) {
    return undefined;
  }
  return onPath(name, context).some(exists) ? undefined : { reason: `its interpreter ${name} is not on PATH`, hint };
}

function beginningOf(file: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const bytes = Buffer.alloc(256);
    return bytes.subarray(0, readSync(descriptor, bytes)).toString('latin1');
  } catch {
    // A program can be executable without being readable.
    return '';
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Checks the script of an interpreter. If x.py is missing, `python3 x.py` starts and then fails for every message.
 */
function scriptFault(words: readonly string[], context: ProgramContext): CommandFault | undefined {
  const interpreter = basename(words[0] ?? '');
  const isShell = /^(ba|da|k|z)?sh$/.test(interpreter);
  if (!isShell && !/^(python|pypy)[\d.]*$|^(node|perl|php|ruby)$/.test(interpreter)) return undefined;
  const word = words[1] === '-u' ? 2 : 1;
  const script = words[word];
  // The word after an option may be the value of the option and not a script.
  if (script === undefined || script === '' || script.startsWith('-')) return undefined;
  const path = resolve(context.folder, script);
  const candidates = [path, ...(interpreter === 'node' ? [`${path}.js`] : [])];
  if (isShell && !script.includes('/')) candidates.push(...onPath(script, context));
  if (candidates.some(exists)) return undefined;
  return { word, message: `cannot run ${script} with ${words[0]}: no such file`, hint: missing.hint };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
