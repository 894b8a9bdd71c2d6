// Describes a refused login for the log of the broker. The client receives no reason, as in RabbitMQ.

interface RefusedLogin {
  /** The user, or the subject of the certificate. `undefined` if the client sent none. */
  readonly name: string | undefined;
  /** The SASL mechanism or the API. */
  readonly how: string;
  /** The IP address of the client. */
  readonly peer: string | undefined;
}

/** Longest name in a log line. The client chooses the name. */
const mostCharacters = 255;

/** Returns the log line. It contains no password. */
export function refusedLogin({ name, how, peer = 'an unknown address' }: RefusedLogin): string {
  const who = name === undefined ? 'a client without a user name' : `'${name.slice(0, mostCharacters)}'`;
  return `login refused: ${who} from ${peer} by ${how}`;
}
