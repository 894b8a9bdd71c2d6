// What the broker refuses. The scope of the error says whether the channel or the connection dies of it.

import { MqError } from '../errors.ts';

/** AMQP 0-9-1, 1.2 (constants): the reply codes, by the names that RabbitMQ begins its texts with. */
export const replyCodes = {
  CONTENT_TOO_LARGE: 311,
  NO_ROUTE: 312,
  NO_CONSUMERS: 313,
  CONNECTION_FORCED: 320,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  FRAME_ERROR: 501,
  SYNTAX_ERROR: 502,
  COMMAND_INVALID: 503,
  CHANNEL_ERROR: 504,
  UNEXPECTED_FRAME: 505,
  RESOURCE_ERROR: 506,
  NOT_ALLOWED: 530,
  NOT_IMPLEMENTED: 540,
  INTERNAL_ERROR: 541,
} as const;

export type ReplyName = keyof typeof replyCodes;

/** AMQP 0-9-1, 1.2: these are soft errors, which close the channel; all others close the connection. */
const softErrors: readonly ReplyName[] = [
  'CONTENT_TOO_LARGE',
  'NO_CONSUMERS',
  'ACCESS_REFUSED',
  'NOT_FOUND',
  'RESOURCE_LOCKED',
  'PRECONDITION_FAILED',
];

/** Thrown by queues, exchanges, virtual hosts and channels; caught by the dispatch of the channel and of the connection only. */
export class ProtocolError extends MqError {
  readonly scope: 'channel' | 'connection';
  readonly replyCode: number;
  readonly replyText: string;
  readonly logText: string;
  /** Class id and method id of the method that was refused; set where it is known. */
  methodKey: number | undefined = undefined;

  constructor(name: ReplyName, text: string, scope?: 'channel' | 'connection') {
    const replyText = `${name} - ${text}`;
    super(name === 'ACCESS_REFUSED' ? 'NOT_PERMITTED' : 'PROTOCOL', replyText);
    this.name = 'ProtocolError';
    this.scope = scope ?? (softErrors.includes(name) ? 'channel' : 'connection');
    this.replyCode = replyCodes[name];
    this.replyText = replyText;
    // A client's own words are in it: they are to make no lines of a log, and move no cursor.
    this.logText = replyText.replaceAll(/\p{Cc}/gu, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
  }
}
