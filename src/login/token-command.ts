// Runs the command that prints a token.

import type { ChildProcess } from 'node:child_process';
import { MqError, systemReason } from '../errors.ts';
import { type Timer, time } from '../time.ts';
import { commandSpawn } from './command-spawn.ts';
import type { TokenSource } from './login.ts';
import { type IssuedToken, issuedToken } from './token.ts';

/** Time limit of the command in milliseconds. */
const limitMs = 30_000;
/** Time for reading the pipes after the end of the shell, in milliseconds. */
const graceMs = 200;
/** Largest output in bytes. A token fits into one frame of at least 8192 bytes. */
const mostBytes = 1024 * 1024;

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command for the shell, and the option or variable that names it, for messages. */
interface ShellCommand {
  readonly command: string;
  readonly folder: string;
  readonly from: string;
}

/**
 * Runs the command in a shell and returns the token on its stdout.
 * @throws MqError BAD_DATA if stdout has no token, and the errors of outputOf
 */
export async function tokenFromCommand(source: Extract<TokenSource, { kind: 'command' }>): Promise<IssuedToken> {
  return issuedToken(await outputOf(source, 'a token'), source.from);
}

/**
 * Runs the command in a shell and returns its stdout.
 * @param what what the command must print, for the hint
 * @throws MqError NOT_PERMITTED if it fails, DEADLINE after 30 s, SYSTEM if it cannot start
 */
export async function outputOf({ command, folder, from }: ShellCommand, what: string): Promise<string> {
  const { status, signal, stdout, stderr } = await run(command, { folder, from });
  if (status === 0) return stdout;
  const how = signal === null ? `ended with status ${status}` : `was ended by ${signal}`;
  const reason = lastLine(stderr, stdout);
  throw new MqError('NOT_PERMITTED', `the command of ${from} ${how}${reason && `: ${reason}`}`, {
    at: from,
    hint: `run the command alone; it must print ${what} and end with status 0 (mq help login)`,
  });
}

function run(command: string, { folder, from }: { folder: string; from: string }): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = commandSpawn()(command, [], {
      shell: true,
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const output = { stdout: '', stderr: '' };
    const fail = (error: MqError) => {
      timer.cancel();
      end(child);
      reject(error);
    };
    const timer = time.after(limitMs, () =>
      fail(new MqError('DEADLINE', `the command of ${from} has not ended in ${limitMs / 1000} s`, { at: from })),
    );
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
        if (output[name].length > mostBytes)
          fail(new MqError('BAD_DATA', `the command of ${from} printed more than 1 MiB`, { at: from }));
      });
    child.on('error', (error) =>
      fail(new MqError('SYSTEM', `cannot start the command of ${from}: ${systemReason(error)}`, { at: from })),
    );
    onceEnded(child, (status, signal) => {
      timer.cancel();
      end(child);
      resolve({ status, signal, ...output });
    });
  });
}

/**
 * Calls `finish` when the shell has ended and its output was read. A process in the background may keep the pipes open. What
 * the shell wrote is then in the pipes, and the event loop reads it before the immediate.
 */
function onceEnded(child: ChildProcess, finish: (status: number | null, signal: NodeJS.Signals | null) => void): void {
  let grace: Timer | undefined;
  child.on('exit', (status, signal) => {
    grace = time.after(graceMs, () => time.nextTurn(() => finish(status, signal)));
  });
  child.on('close', (status, signal) => {
    grace?.cancel();
    finish(status, signal);
  });
}

/** Ends the shell. What it has started may keep the pipes open, so mq does not wait for their end. */
function end(child: ChildProcess): void {
  child.kill('SIGKILL');
  child.stdout?.destroy();
  child.stderr?.destroy();
}

/**
 * Returns the last line of stderr without what may be a secret, for the error message. The words of stdout are secrets, and
 * so is any long word.
 */
function lastLine(stderr: string, stdout: string): string {
  const line = stderr.trim().split(/\r?\n/).at(-1)?.trim() ?? '';
  const printed = stdout.split(/[\s"':,{}]+/).filter((word) => word.length > 3);
  const known = printed.reduce((rest, word) => rest.replaceAll(word, '***'), line);
  const text = known.replace(/[\w+=.~-]{24,}/g, '***');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
