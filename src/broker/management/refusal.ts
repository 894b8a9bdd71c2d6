// Errors of the HTTP API: the status, and RabbitMQ's texts.

import { MqError } from '../../errors.ts';
import { type ProtocolError, replyCodes } from '../protocol-error.ts';

/** An error that a handler of the HTTP API throws. The HTTP server turns it into a response. */
export class Refusal extends MqError {
  readonly status: number;
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, error: string, reason: string, headers: Readonly<Record<string, string>> = {}) {
    super(status === 401 ? 'NOT_PERMITTED' : 'BAD_DATA', reason);
    this.name = 'Refusal';
    this.status = status;
    this.error = error;
    this.headers = headers;
  }
}

export const badRequest = (reason: string) => new Refusal(400, 'bad_request', reason);
export const validationFailed = (problem: string) => badRequest(`Validation failed\n\n${problem}\n`);
export const notFound = (error = 'Object Not Found', reason = 'Not Found') => new Refusal(404, error, reason);
export const notAuthorised = (reason: string) => new Refusal(401, 'not_authorised', reason);

/** Returns the HTTP error for an error that would close the channel of a client. RabbitMQ 4.3 omits the code of a 406. */
export function refusalOf({ replyCode, replyText }: ProtocolError): Refusal {
  const reason = replyText.replace(/^[A-Z_]+ - /, '');
  if (replyCode === replyCodes.ACCESS_REFUSED) return notAuthorised(reason);
  if (replyCode === replyCodes.NOT_FOUND) return notFound('not_found', reason);
  return badRequest(replyCode === replyCodes.PRECONDITION_FAILED ? reason : `${replyCode} ${replyText}`);
}
