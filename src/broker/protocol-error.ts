// The error that the broker throws when it refuses a method. It closes the channel or the connection, depending on its scope.

import { MqError } from '../errors.ts';

/** AMQP 0-9-1, 1.2 (constants): the reply codes by name. RabbitMQ's reply texts begin with these names. */
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

type ReplyName = keyof typeof replyCodes;

/** AMQP 0-9-1, 1.2: soft errors close the channel. All others close the connection. */
const softErrors: readonly ReplyName[] = [
  'CONTENT_TOO_LARGE',
  'NO_CONSUMERS',
  'ACCESS_REFUSED',
  'NOT_FOUND',
  'RESOURCE_LOCKED',
  'PRECONDITION_FAILED',
];

/** Any code of the broker may throw it. The channel, the connection and the management API catch it. */
export class ProtocolError extends MqError {
  readonly scope: 'channel' | 'connection';
  readonly replyCode: number;
  readonly replyText: string;
  readonly logText: string;
  /** Class id and method id of the method that was refused, if they are known. */
  methodKey: number | undefined = undefined;

  constructor(name: ReplyName, text: string, scope?: 'channel' | 'connection') {
    const replyText = `${name} - ${text}`;
    super(name === 'ACCESS_REFUSED' ? 'NOT_PERMITTED' : 'PROTOCOL', replyText);
    this.name = 'ProtocolError';
    this.scope = scope ?? (softErrors.includes(name) ? 'channel' : 'connection');
    this.replyCode = replyCodes[name];
    this.replyText = replyText;
    // The text may contain input of a client, whose control characters could break log lines or move the cursor.
    this.logText = replyText.replaceAll(/\p{Cc}/gu, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
  }
}
