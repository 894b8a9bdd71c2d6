// The one error class of mq, the closed list of its codes, and the exit status of each (sysexits).
// Code throws; only main.ts turns a code into an exit status.

import { getSystemErrorMessage } from 'node:util';

/** Code → exit status. The codes are a contract: tests and `--json` readers rely on them. */
export const exitStatuses = {
  /** The answer is no: a test failed, a threshold was missed. */
  ANSWER_NO: 1,
  /** The command line is wrong. */
  USAGE: 64,
  /** The data is wrong: a message that cannot be sent, a request the server refused. */
  BAD_DATA: 65,
  /** A file to read is missing or unreadable. */
  NO_INPUT: 66,
  /** The broker has no queue for the message. */
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
  /** The connection went before the broker's answer: the message may or may not have arrived. */
  IN_DOUBT: 75,
  /** No answer in time. */
  DEADLINE: 75,
  /** The peer does not speak AMQP 0-9-1. */
  PROTOCOL: 76,
  /** TLS failed. */
  TLS: 76,
  /** Wrong credentials, or a permission is missing. */
  NOT_PERMITTED: 77,
  /** rascal.json is wrong. */
  CONFIG: 78,
  /** A rascal.json that was only found needs the user's consent. */
  UNTRUSTED: 78,
  /** What rascal.json says and what the broker holds disagree. */
  TOPOLOGY: 78,
  /** A signal came before the orderly end. */
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const;

export type ErrorCode = keyof typeof exitStatuses;

/** What an MqError says beside its code and message. */
export interface ErrorDetails {
  /** The next step for the person who reads it. */
  hint?: string;
  /** Where: `file:line:column`, a path, or an option. */
  at?: string;
  /** Further lines for the person, one problem each (a check of rascal.json finds all of them at once). */
  problems?: readonly string[];
  cause?: unknown;
}

/** The only error class of mq. `message` says what was attempted, what happened, on what. */
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

/** Why the operating system refused, in its words (`no space left on device` for ENOSPC); undefined: it was not the system. */
export function systemWords(error: unknown): string | undefined {
  const { errno } = Object(error) as { errno?: unknown };
  return typeof errno === 'number' && errno < 0 ? getSystemErrorMessage(errno) : undefined;
}

/** The system's words, or else what the error says. */
export function systemReason(error: unknown): string {
  return systemWords(error) ?? (error instanceof Error ? error.message : String(error));
}

/**
 * Text for one line that a person reads: whatever could move a cursor, set a title or begin a line of its own (queue
 * names, reasons and keys come from strangers) stands there as `\\x1b`.
 */
export function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
  // session/byte-text.ts: a byte that is not UTF-8.
  const bytes = /(?<![\ud800-\udbff])[\udc80-\udcff]/g;
  const shown = text.replace(bytes, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`);
  return shown.replace(controls, (character) => {
    const hex = character.charCodeAt(0).toString(16);
    return hex.length > 2 ? `\\u${hex.padStart(4, '0')}` : `\\x${hex.padStart(2, '0')}`;
  });
}

/** Text of several lines for a terminal: a stranger's message must not move the cursor or set the title. Tab and newline stay. */
export function escapedLines(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** JSON in one line that may stand on a terminal: what JSON.stringify lets through of the same is escaped, as JSON does. */
export function safeJson(value: unknown): string {
  return safeJsonText(JSON.stringify(value));
}

/** The same for JSON that is text already, of one line or many. */
export function safeJsonText(json: string): string {
  return json.replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The error itself if it is an MqError, else a BUG that carries it as its cause. */
export function asMqError(error: unknown): MqError {
  if (error instanceof MqError) return error;
  return new MqError('BUG', error instanceof Error ? error.message : String(error), { cause: error });
}
