// Creates and recognises the error of a stream whose messages would be removed or returned.

import { MqError } from '../errors.ts';

const noLetters = 'is a stream, and a stream has no dead letters';

/** Returns the error of a stream whose messages would be removed or returned. */
export function streamError(stream: string): MqError {
  return new MqError('TOPOLOGY', `'${stream}' ${noLetters}`, {
    hint: `mq peek ${stream} shows its messages; mq declares ${stream}.dead with the first message that fails`,
  });
}

export function isStreamError({ message }: MqError): boolean {
  return message.endsWith(noLetters);
}
