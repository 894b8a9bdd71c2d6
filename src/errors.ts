// Defines mq's only error class, the closed list of its codes, and their exit statuses (sysexits). Code throws errors;
// only main.ts exits.

import { getSystemErrorMessage } from 'node:util';

/** Exit statuses by code. The codes are a contract: tests and `--json` readers rely on them. */
export const exitStatuses = {
  /** A negative answer: a test failed, a threshold was missed. */
  ANSWER_NO: 1,
  /** The command line is invalid. */
  USAGE: 64,
  /** The data is invalid: a message that cannot be sent, a request the server refused. */
  BAD_DATA: 65,
  /** An input file is missing or unreadable. */
  NO_INPUT: 66,
  /** No queue received the message. */
  UNROUTABLE: 67,
  /** The name of the broker's host is unknown. */
  HOST_UNKNOWN: 68,
  /** No broker answers, or the connection was lost. */
  UNAVAILABLE: 69,
  /** A bug in mq. */
  BUG: 70,
  /** The operating system refused: spawn, descriptors. */
  SYSTEM: 71,
  /** An output file cannot be created. */
  CANNOT_CREATE: 73,
  /** Reading or writing failed. */
  IO: 74,
  /** The broker refused (nacked) a message. Trying again may help. */
  REFUSED: 75,
  /** The connection was lost before the broker answered. The message may or may not have arrived. */
  IN_DOUBT: 75,
  /** There was no answer in time. */
  DEADLINE: 75,
  /** The broker or rascal.json has changed since a plan was made. */
  OUTDATED: 75,
  /** An object to delete has messages or consumers, or other objects need it. */
  IN_USE: 75,
  /** The peer does not use AMQP 0-9-1. */
  PROTOCOL: 76,
  /** TLS failed. */
  TLS: 76,
  /** The credentials are wrong, or a permission is missing. */
  NOT_PERMITTED: 77,
  /** rascal.json is invalid. */
  CONFIG: 78,
  /** A rascal.json that the user did not name needs consent. */
  UNTRUSTED: 78,
  /** rascal.json and the broker's topology disagree. */
  TOPOLOGY: 78,
  /** A signal arrived before the normal end. */
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const;

export type ErrorCode = keyof typeof exitStatuses;

/** Details of an MqError other than its code and message. */
export interface ErrorDetails {
  /** Next step for the user. */
  hint?: string;
  /** Location: `file:line:column`, a path, or an option. */
  at?: string;
  /** Additional lines, one for each problem (a check of rascal.json finds all problems at once). */
  problems?: readonly string[];
  cause?: unknown;
}

/** The only error class of mq. `message` contains what was attempted, what happened, and on what. */
export class MqError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly at: string | undefined;
  readonly problems: readonly string[];

  constructor(code: ErrorCode, message: string, { hint, at, problems = [], cause }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'MqError';
    this.code = code;
    this.hint = hint;
    this.at = at;
    this.problems = problems;
  }
}

/**
 * Returns why the operating system refused, in its words (`no space left on device` for ENOSPC). Returns `undefined`
 * for other errors.
 */
export function systemWords(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined;
  const { errno } = error;
  return typeof errno === 'number' && errno < 0 ? getSystemErrorMessage(errno) : undefined;
}

/** Returns the `code` of a Node error, such as `ENOENT`; `undefined` if it has none. */
export function systemCode(error: unknown): string | undefined {
  const isCoded = typeof error === 'object' && error !== null && 'code' in error;
  return isCoded && typeof error.code === 'string' ? error.code : undefined;
}

/** Returns the operating system's words, otherwise the message of the error. */
export function systemReason(error: unknown): string {
  return systemWords(error) ?? (error instanceof Error ? error.message : String(error));
}

/** Returns the message of a TLS error without Node's advice to use an option of Node, which mq does not have. */
export function tlsReason(message: string): string {
  return message.replace(/; if [^;]*--use-system-ca$/, '');
}

/**
 * Escapes text for one line of output. Characters that could move a cursor, set a title or start a new line become
 * `\\x1b`, because queue names, reasons and keys are untrusted.
 */
export function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
  // This is a byte that is not UTF-8, see session/byte-text.ts.
  const bytes = /(?<![\ud800-\udbff])[\udc80-\udcff]/g;
  const shown = text.replace(bytes, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`);
  return shown.replace(controls, (character) => {
    const hex = character.charCodeAt(0).toString(16);
    return hex.length > 2 ? `\\u${hex.padStart(4, '0')}` : `\\x${hex.padStart(2, '0')}`;
  });
}

/**
 * Escapes text of several lines for a terminal, because an untrusted message must not move the cursor or set the title.
 * Tab and newline stay.
 */
export function escapedLines(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/**
 * Returns JSON in one line that is safe for a terminal. Control characters that JSON.stringify leaves are escaped in
 * JSON's form.
 */
export function safeJson(value: unknown): string {
  return safeJsonText(JSON.stringify(value));
}

/** Escapes JSON text of one or more lines in the same way. */
export function safeJsonText(json: string): string {
  return json.replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Returns the error if it is an MqError, otherwise a BUG with the error as its cause. */
export function asMqError(error: unknown): MqError {
  if (error instanceof MqError) return error;
  return new MqError('BUG', error instanceof Error ? error.message : String(error), { cause: error });
}
