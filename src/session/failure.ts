// Converts errors of amqplib, Rascal, the operating system and the broker to an MqError: a code, one line, and a hint.

import { type ErrorCode, MqError, systemCode } from '../errors.ts';
import { isTlsFailure, tlsFailure } from '../login/tls-failure.ts';

/** Hint for a server that is not a broker, or that does not answer. */
export const portHint = 'RabbitMQ listens for AMQP on 5672 (plain) and 5671 (TLS); 15672 is its management page';

const plainHint = 'use amqp:// for a plain port (5672), amqps:// for a TLS port (5671)';

/** Hint for a message that the broker requeues because the consumer did not answer in time. */
export const consumerTimeoutHint = 'set a longer x-consumer-timeout for the queue, or a shorter --handler-timeout';

const permanent: readonly ErrorCode[] = ['NOT_PERMITTED', 'CONFIG', 'TOPOLOGY', 'BAD_DATA', 'BUG'];

/**
 * Returns `true` if reconnecting or retrying cannot help. PROTOCOL is not permanent, because a proxy in front of a starting
 * broker may answer in its own protocol.
 */
export function isPermanent(error: MqError): boolean {
  return permanent.includes(error.code);
}

/** Returns `true` if another consumer has exclusive access to the queue. */
export function isInUse({ cause }: MqError): boolean {
  return cause instanceof Error && inUse.test(cause.message);
}

/** Returns `true` if the server closed the connection during the handshake, without a reason. */
export function isHandshakeEnd({ cause }: MqError): boolean {
  return cause instanceof Error && handshakeEnd.test(cause.message);
}

/** Returns `true` if the node has no replica of a stream, so that another node must be tried. */
export function hasNoReplica({ message }: MqError): boolean {
  return message.includes(noReplica);
}

const noReplica = 'has no running replica of the stream';
const lost = 'the connection to the broker was lost';
const closed = 'the broker closed the connection: ';
const broken = 'the connection to the broker failed: ';

/** Returns `true` if the error is the loss of the connection. The session logs such an error itself. */
export function isConnectionLoss({ message }: MqError): boolean {
  return message.startsWith(lost);
}

/** Returns `true` if the connection was lost, or closed by the broker, after the node had accepted it. */
export function isLossOfAccepted({ code, message }: MqError): boolean {
  return (
    code === 'UNAVAILABLE' && [lost, closed, `${broken}read`, `${broken}write`].some((one) => message.startsWith(one))
  );
}

/** Returns `true` if the broker closed the connection because of an error of its own (AMQP 0-9-1, 541). */
export function isInternalError({ cause }: MqError): boolean {
  return cause instanceof Error && cause.message.includes('INTERNAL_ERROR');
}

/** Returns the MqError of a failure. `redact` removes secrets from the text. */
export function failureOf(error: unknown, redact: (text: string) => string): MqError {
  if (error instanceof MqError) return withCleanMessage(error);
  const original = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const clean = (secret: string) => redact(withoutAddress(secret));
  const text = clean(original instanceof Error ? original.message : String(original));
  const system = systemCode(original);
  const known = byLongToken(text) ?? (system === undefined ? undefined : bySystemCode(system, text)) ?? byText(text);
  const { code, message, hint } = known ?? {
    code: 'UNAVAILABLE' as const,
    message: `cannot connect: ${text}`,
    hint: undefined,
  };
  const cause = new Error(text);
  if (original instanceof Error && original.stack !== undefined) cause.stack = clean(original.stack);
  return new MqError(code, message, { ...(hint && { hint }), cause });
}

/** Rascal writes the address into the message of every error, also of those that mq threw while it connected. */
function withCleanMessage(error: MqError): MqError {
  error.message = withoutAddress(error.message);
  return error;
}

/**
 * Removes the address that Rascal puts before amqplib's message. Rascal masks only the part of the password after its
 * last colon (configure.js).
 */
function withoutAddress(text: string): string {
  return text.replace(/Failed to connect to: [\s\S]*Original message was: /, '');
}

interface Failure {
  code: ErrorCode;
  message: string;
  hint?: string;
}

/** RabbitMQ closes the socket, or does not answer, if the frame with the token is too long. */
function byLongToken(text: string): Failure | undefined {
  // login/socket-login.ts adds the last words.
  const long =
    /(?:ETIMEDOUT|ECONNRESET|EPIPE|Frame size|Socket closed abruptly)[\s\S]*\(token of (.+), (\d+) bytes[^)]*\)$/;
  const [, from, bytes] = long.exec(text) ?? [];
  if (from === undefined) return undefined;
  return {
    code: 'PROTOCOL',
    message: `the broker does not answer the login; the token of ${from} with ${bytes} bytes may be too long`,
    hint: 'RabbitMQ accepts 8192 bytes at the login (4.0: 4096); request fewer scopes, or set initial_frame_max of the broker',
  };
}

function bySystemCode(system: string, text: string): Failure | undefined {
  const peer = /(?:connect \w+ |getaddrinfo \w+ )(\S+)/.exec(text)?.[1];
  if (system === 'ENOTFOUND' || system === 'EAI_AGAIN' || system === 'EAI_NODATA') {
    return {
      code: 'HOST_UNKNOWN',
      message: `unknown host${peer === undefined ? '' : ` ${peer}`} (${system})`,
      hint: 'check the name in --url, MQ_URL, the named connection or rascal.json',
    };
  }
  if (system === 'ECONNREFUSED') {
    return {
      code: 'UNAVAILABLE',
      message: `no broker answers at ${peer ?? 'the address'} (${system})`,
      hint: 'start a broker there (mq broker), or set its address with --url or MQ_URL',
    };
  }
  if (['ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', 'ECONNABORTED'].includes(system)) {
    return { code: 'UNAVAILABLE', message: `${broken}${text}` };
  }
  return isTlsFailure(system, text) ? tlsFailure(system, text, plainHint) : undefined;
}

const inequivalent =
  /inequivalent arg '([^']+)' for (queue|exchange) '([^']*)' in vhost '([^']*)': received (?:'([^']*)'|(.+?)) but current is (?:'([^']*)'|(.+?))(?:"|$)/;

const inUse = /ACCESS_REFUSED - (queue '[^']*' in vhost '[^']*') in exclusive use/;

const handshakeEnd = /Socket closed abruptly during opening handshake/;

/** Messages of RabbitMQ and amqplib, the most specific first. */
const texts: readonly (readonly [RegExp, (match: RegExpExecArray) => Failure])[] = [
  [
    inequivalent,
    ([, argument, kind, name, vhost, received, received2, current, current2]) => ({
      code: 'TOPOLOGY',
      message: `the ${kind} '${name}' in vhost '${vhost}' exists with another '${argument}': wanted ${received ?? received2}, found ${current ?? current2}`,
      hint: `set the value of the broker in rascal.json, or "assert": false to use the ${kind} as it is`,
    }),
  ],
  [
    /ACCESS_REFUSED - Login was refused using authentication mechanism EXTERNAL/i,
    () => ({
      code: 'NOT_PERMITTED',
      message: 'the broker refused the login by the client certificate (ACCESS_REFUSED)',
      hint: 'the broker must have a user with the name of the certificate (RabbitMQ: ssl_cert_login_from)',
    }),
  ],
  [
    /SASL mechanism EXTERNAL is not provided/,
    () => ({
      code: 'NOT_PERMITTED',
      message: 'the broker does not accept logins by certificate (EXTERNAL)',
      hint: 'enable rabbitmq_auth_mechanism_ssl and add EXTERNAL to auth_mechanisms; EXTERNAL also requires TLS',
    }),
  ],
  [
    /SASL mechanism PLAIN is not provided/,
    () => ({
      code: 'NOT_PERMITTED',
      message: 'the broker does not accept user and password here (PLAIN)',
      hint: 'use amqps:// if the broker accepts PLAIN over TLS only, or ?auth_mechanism=external with a certificate',
    }),
  ],
  [
    // login/socket-login.ts adds the last words.
    /ACCESS_REFUSED - Login was refused[\s\S]*\(token of (.+?)(?:, \d+ bytes)?(?:, expired at (.+?))?\)$/,
    ([, from, expired]) => ({
      code: 'NOT_PERMITTED',
      message: `the broker refused the token of ${from} (ACCESS_REFUSED)`,
      hint: expired
        ? `it expired at ${expired} by the clock of this machine`
        : 'check its audience (the resource_server_id of the broker), its scopes and its issuer; the log of the broker shows the reason',
    }),
  ],
  [
    /ACCESS_REFUSED - (Login was refused|.*login)/i,
    () => ({
      code: 'NOT_PERMITTED',
      message: 'the broker refused the user or the password (ACCESS_REFUSED)',
      hint: 'check the user and password in --url, MQ_URL, the named connection or rascal.json',
    }),
  ],
  [
    /NOT_ALLOWED - vhost '?(.+?)'? not found/,
    ([, vhost]) => ({
      code: 'CONFIG',
      message: `the vhost '${vhost}' does not exist on the broker`,
      hint: 'create it, or name another vhost at the end of the URL',
    }),
  ],
  [
    /home node '([^']+)' of durable queue '([^']*)'.* is down/,
    ([, node, queue]) => ({ code: 'UNAVAILABLE', message: `the node ${node} of the queue '${queue}' is down` }),
  ],
  [
    /((?:user )?connection limit \(\d+\) is reached|vhost '[^']*' is down)/,
    ([, what]) => ({ code: 'UNAVAILABLE', message: `the broker accepts no connection now: ${what}` }),
  ],
  [inUse, ([, queue]) => ({ code: 'UNAVAILABLE', message: `the ${queue} has an exclusive consumer` })],
  [
    // A limit or an unavailable queue is a temporary problem.
    /(?:PRECONDITION_FAILED|NOT_ALLOWED|NOT_FOUND) - ([^"]*(?:limit [^"]*reached|has reached the [^"]*limit|stopped by supervisor|failed to restart|due to timeout|timed out while declaring|may be stopping or being demoted)[^"]*)/,
    ([, what]) => ({ code: 'UNAVAILABLE', message: `the broker refused temporarily: ${what?.trim()}` }),
  ],
  [
    // RabbitMQ: a consumer reads a stream from the replica of its own node.
    /PRECONDITION_FAILED - [^"]*'([^']+)' in vhost [^"]*does not have a running replica on the local node/,
    ([, queue]) => ({ code: 'UNAVAILABLE', message: `the node ${noReplica} '${queue}'` }),
  ],
  [
    /invalid arg 'x-stream-offset' for queue '([^']*)' in vhost '[^']*' of queue type (?:rabbit_)?(\w+?)(?:_queue)?\b/,
    ([, queue, type]) => ({
      code: 'TOPOLOGY',
      message: `the queue '${queue}' is a ${type} queue; only a stream has offsets`,
      hint: 'remove --offset and x-stream-offset',
    }),
  ],
  [
    /NOT_ALLOWED - access to vhost '([^']*)' refused for user '([^']*)'/,
    ([, vhost, user]) => ({
      code: 'NOT_PERMITTED',
      message: `the user '${user}' has no access to the vhost '${vhost}'`,
      hint: 'give the user permissions there, or name another vhost at the end of the URL',
    }),
  ],
  [
    /message size (\d+) (?:is )?larger than (?:configured )?max size (\d+)/,
    ([, size, limit]) => ({
      code: 'BAD_DATA',
      message: `the body of ${size} bytes is over the broker's limit of ${limit}`,
    }),
  ],
  [
    /PRECONDITION_FAILED - (user_id property set [^"]*|fast reply consumer does not exist)/,
    ([, what]) => ({ code: 'BAD_DATA', message: `the broker refused the message: ${what}` }),
  ],
  [
    // RabbitMQ: the reason is an Erlang term over several lines, {unacceptable_type_in_header,<<"CC">>,…}.
    /PRECONDITION_FAILED - invalid message: \{(\w+)[^"]*(?:"(\w+)")?/,
    ([, what, name]) => ({
      code: 'BAD_DATA',
      message: `the broker refused the message: ${what}${name ? ` (${name})` : ''}`,
    }),
  ],
  [
    // RabbitMQ 4.0 closes the channel; 4.3 cancels the consumer instead.
    /PRECONDITION_FAILED - delivery acknowledgement on channel \d+ timed out\. Timeout value used: (\d+) ms/,
    ([, milliseconds]) => ({
      code: 'UNAVAILABLE',
      message: `a message was unacknowledged for longer than the consumer timeout of ${Number(milliseconds) / 1000} s`,
      hint: consumerTimeoutHint,
    }),
  ],
  [/NOT_FOUND - ([^"]+)/, ([, what]) => ({ code: 'TOPOLOGY', message: `the broker has ${what?.trim()}` })],
  // The error is not permanent, because after a lost connection the broker may keep the exclusive queue of this role
  // locked for a while.
  [
    /RESOURCE_LOCKED - ([^"]+)/,
    ([, what]) => ({ code: 'UNAVAILABLE', message: `the broker refused: ${what?.trim()}` }),
  ],
  [
    /PRECONDITION_FAILED - ([^"]+)/,
    ([, what]) => ({ code: 'TOPOLOGY', message: `the broker refused: ${what?.trim()}` }),
  ],
  [
    /ACCESS_REFUSED - ([^"]+)/,
    ([, what]) => ({ code: 'NOT_PERMITTED', message: `the broker refused: ${what?.trim()}` }),
  ],
  [
    /(?:COMMAND_INVALID|NOT_ALLOWED|NOT_IMPLEMENTED|FEATURE_REFUSED) - ([^"]+)/,
    ([, what]) => ({ code: 'TOPOLOGY', message: `the broker refused: ${what?.trim()}` }),
  ],
  [
    /(INTERNAL_ERROR|CONNECTION_FORCED|RESOURCE_ERROR) - ([^"]+)/,
    ([, code, what]) => ({
      // RabbitMQ answers 541 to a deprecated feature, and to a declaration while a node shuts down.
      code: code === 'INTERNAL_ERROR' && /deprecated|not permitted/i.test(what ?? '') ? 'TOPOLOGY' : 'UNAVAILABLE',
      message: `${closed}${what?.trim()}`,
    }),
  ],
  [
    // amqplib refuses the name before it sends it.
    /Field '(\w+)' is the wrong type; must be a string \(up to 255 chars\)/,
    ([, what]) => ({ code: 'CONFIG', message: `the name of the ${what} is too long: AMQP allows 255 bytes` }),
  ],
  [/connect ETIMEDOUT/, () => ({ code: 'UNAVAILABLE', message: 'no broker answered in time', hint: portHint })],
  [
    // login/socket-login.ts adds the last words. Some TLS servers, such as Node's, send no alert.
    /Socket closed abruptly during opening handshake.*\(client certificate\)$/s,
    () => ({
      code: 'PROTOCOL',
      message: 'the broker closed the connection after the TLS handshake',
      hint: 'it may have refused the client certificate; its log shows the reason',
    }),
  ],
  [
    // patches/handshake.ts adds the words about the bytes.
    /Invalid frame|Frame size|frame_end|Expected ConnectionStart|bytes that are not AMQP|Invalid protocol/i,
    () => ({
      code: 'PROTOCOL',
      message: 'the server does not use AMQP 0-9-1',
      hint: portHint,
    }),
  ],
  [
    // A broker that stops, or a proxy whose broker is not there yet.
    handshakeEnd,
    () => ({
      code: 'UNAVAILABLE',
      message: 'the broker closed the connection during the handshake',
      hint: portHint,
    }),
  ],
  [
    /Heartbeat timeout|Unexpected close|Connection clos\w+|Channel clos\w+|Channel ended/i,
    ([what]) => ({ code: 'UNAVAILABLE', message: `${lost} (${what.toLowerCase()})` }),
  ],
];

function byText(text: string): Failure | undefined {
  for (const [pattern, make] of texts) {
    const match = pattern.exec(text);
    if (match) return make(match);
  }
  return undefined;
}
