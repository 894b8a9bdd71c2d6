// Formats errors: one line and a hint, or a JSON object with --json.

import { redactor } from '../config/redact.ts';
import type { Context } from '../context.ts';
import { escaped, exitStatuses, type MqError, safeJson } from '../errors.ts';
import { wrapped } from '../terminal/wrap.ts';
import { time } from '../time.ts';

interface ErrorStyle {
  /** Name of the command, or '' for mq itself. */
  readonly command: string;
  readonly json: boolean;
  /** `true` formats an object of `--log json`. */
  readonly isLog: boolean;
  readonly debug: boolean;
  /** Columns of the terminal. If `undefined`, lines are not wrapped. */
  readonly width?: number;
  /** The arguments of mq. Passwords of addresses in them are removed from the text. */
  readonly args: readonly string[];
}

/** Returns a function that writes a line to stderr. The line begins with the name of the command. */
export function noteOf({ stderr }: Pick<Context, 'stderr'>, command: string): (text: string) => void {
  return (text) => void stderr.write(`mq ${command}: ${escaped(text)}\n`);
}

interface NoticeStyle extends Pick<ErrorStyle, 'command' | 'isLog'> {
  readonly level: 'info' | 'warn';
}

/** Returns a line, including the newline, to write before a command runs. */
export function noticeText(message: string, { command, isLog, level }: NoticeStyle): string {
  if (!isLog) return `mq ${command}: ${escaped(message)}\n`;
  const event = level === 'warn' ? 'warning' : 'notice';
  return `${safeJson({ time: new Date(time.date()).toISOString(), level, role: command, event, message })}\n`;
}

/** Returns the text for stderr, including the newline. */
export function errorText(error: MqError, { command, json, isLog, debug, width, args }: ErrorStyle): string {
  const redact = passwordRedactor(args);
  const { code, message, hint, problems } = error;
  if (json || isLog) {
    const more = {
      ...(hint && { hint }),
      ...(problems.length > 0 && { problems }),
      ...(debug && { stack: stackOf(error) }),
    };
    const line = isLog && { time: new Date(time.date()).toISOString(), role: command, event: 'error' };
    return redact(`${safeJson({ ...line, level: 'error', code, exit: exitStatuses[code], message, ...more })}\n`);
  }
  // Wrapping could put a line break into a password, so passwords are removed first.
  const broken = (text: string, indent: number) =>
    width === undefined ? redact(text) : wrapped(redact(text), { width, indent });
  const lines = [
    broken(`mq${command ? ` ${command}` : ''}: ${escaped(message)} [${code}]`, 2),
    ...problems.map((problem) => broken(`  ${escaped(problem)}`, 4)),
  ];
  if (hint) lines.push(broken(`hint: ${escaped(hint)}`, 6));
  else if (code === 'BUG' && !debug) lines.push('hint: this is a bug in mq; --debug prints the stack');
  if (debug) lines.push(redact(stackOf(error)));
  return `${lines.join('\n')}\n`;
}

function stackOf(error: Error): string {
  const { cause } = error;
  return [error.stack, cause instanceof Error ? `caused by ${stackOf(cause)}` : undefined].filter(Boolean).join('\n');
}

/**
 * Returns a function that removes user and password of the addresses in the arguments from a text. Such an address may
 * be an unexpected argument or an unknown command.
 */
function passwordRedactor(args: readonly string[]): (text: string) => string {
  const secrets = args.flatMap((arg) => /:\/\/(.*:.*@)/s.exec(arg)?.[1] ?? []);
  const redact = redactor(secrets);
  // The redactor ignores secrets of three characters or fewer, so a short one such as `:p@` is replaced after `//`
  // only.
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(`//${secret}`, '//***@'), redact(text));
}
