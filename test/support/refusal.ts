// Checks a refusal: its exit status, its line and its hint. The output must contain neither a stack nor the password.

import * as assert from 'uvu/assert';
import { type ErrorCode, exitStatuses } from '../../src/errors.ts';

/** A password with special characters. Each part between them is recognisable. */
export const canary = 'canaryA:canaryB@canaryC/canaryD%canaryE?canaryF#canaryG';

/** Returns an address with the password. `at` is the part after the `@`. */
export function addressWithCanary(at: string, { scheme = 'amqp', user = 'mq' } = {}): string {
  return `${scheme}://${user}:${encodeURIComponent(canary)}@${at}`;
}

/** A run of the executable, or of the command line in this process. */
interface Output {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Refusal {
  readonly exit: number;
  /** The complete error line, or a pattern for it. */
  readonly line: string | RegExp;
  /** The text after `hint: `. If absent, there must be no hint. */
  readonly hint?: string | RegExp;
  /** Lines between the error and the hint. */
  readonly problems?: readonly string[];
  /** Text on stderr before the error. If absent, there must be none. */
  readonly before?: RegExp;
}

/** Throws unless the result is exactly this refusal. */
export function assertRefused(result: Output, { exit, line, hint, problems = [], before }: Refusal): void {
  assertNoSecret(result);
  const all = result.stderr.replace(/\n$/, '').split('\n');
  const rest = problems.length + (hint === undefined ? 0 : 1);
  const at = all.length - 1 - rest;
  const context = `the whole of stderr: ${result.stderr}`;
  assert.is(result.status, exit, `exit ${result.status}; ${context}`);
  assertLike(all[at] ?? '', line, context);
  const code = / \[([A-Z_]+)\]$/.exec(all[at] ?? '')?.[1] as ErrorCode;
  assert.is(exitStatuses[code], exit, `the code in the line has another exit status; ${context}`);
  assert.equal(
    all.slice(at + 1, at + 1 + problems.length).map((problem) => problem.trim()),
    problems,
  );
  if (hint !== undefined) assertLike(all.at(-1)?.replace(/^hint: /, '') ?? '', hint, context);
  assert.not.match(result.stderr, /^\s+at .*[:(]\d+/m, `a stack; ${context}`);
  if (before === undefined) assert.is(at, 0, context);
  else assert.match(all.slice(0, at).join('\n'), before);
  assert.is(result.stdout, '');
}

/** Throws unless the result of `mq <command> --json` is one object with exactly this refusal. */
export function assertRefusedInJson(result: Output, command: string, { exit, line, hint }: Refusal): void {
  assertNoSecret(result);
  assert.is(result.status, exit, result.stderr);
  const { message, hint: told, code, ...rest } = JSON.parse(result.stderr) as Record<string, string>;
  assert.equal(rest, { level: 'error', exit });
  assertLike(`mq ${command}: ${message} [${code}]`, line, result.stderr);
  if (hint === undefined) assert.is(told, undefined);
  else assertLike(String(told), hint, result.stderr);
  assert.is(result.stdout, '');
}

/** Throws if the output contains a form or a part of the password. */
export function assertNoSecret({ stdout, stderr }: Output): void {
  const forms = ['canary', ...[canary, `mq:${canary}`, `\0mq\0${canary}`].map(base64Core), encodeURIComponent(canary)];
  for (const text of [stdout, stderr]) {
    for (const form of forms) assert.not.ok(text.includes(form), `the password is shown: ${text}`);
  }
}

/** Returns the base64 form without its end, which depends on the next character. */
function base64Core(text: string): string {
  return Buffer.from(text).toString('base64').slice(0, -4);
}

function assertLike(found: string, wanted: string | RegExp, message: string): void {
  if (typeof wanted === 'string') assert.is(found, wanted, `${JSON.stringify(found)}; ${message}`);
  else assert.match(found, wanted, `${JSON.stringify(found)} does not match ${wanted}; ${message}`);
}
