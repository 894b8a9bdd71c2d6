// Builds the SASL responses that amqplib sends in connection.start-ok.

/**
 * Returns the same object as amqplib's `credentials.plain`. RFC 4616: the message is an empty authorisation id, the
 * user and the password, separated by NUL bytes.
 */
export function plain(username: string, password: string) {
  return { mechanism: 'PLAIN', response: () => Buffer.from(`\0${username}\0${password}`), username, password };
}

/** Returns the same object as amqplib's `credentials.external`. RFC 4422, A: the authorisation id is empty. */
export function external() {
  return { mechanism: 'EXTERNAL', response: () => Buffer.alloc(0) };
}
