// Sends one request to one address of the management API, with limits for time and size.

import { type Agent, request as askPlainly, type IncomingMessage, type RequestOptions } from 'node:http';
import { MqError } from '../errors.ts';
import type { ManagementAddress } from './address.ts';

export interface Limits {
  /** Time limit for the whole answer. */
  readonly timeoutMs: number;
  /** Maximum size of an answer. */
  readonly maxBytes: number;
}

export interface Question {
  readonly method: string;
  /** Encoded path, including `/api`. */
  readonly path: string;
  /** JSON body. `undefined` for none. */
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer with a JSON body or none. */
export interface Answer {
  readonly status: number;
  /** `undefined` if there is no body. */
  readonly body: unknown;
}

/** An answer with any status. */
export interface RawAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Reason for a missing answer. `isSent` means that the request was sent and may have been executed. */
export interface Silence {
  readonly error: MqError;
  readonly isSent: boolean;
}

interface Surroundings {
  readonly agent: Agent;
  readonly ca: string | undefined;
  readonly isInsecure: boolean;
  /** Aborts the request. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Time limit for a connection in milliseconds. It is shorter than that for an answer, because another address may be
 * available.
 */
const connectMs = 5_000;

/**
 * Sends the request. Rejects with a Silence: UNAVAILABLE, HOST_UNKNOWN, DEADLINE, TLS, PROTOCOL (not HTTP, or an answer
 * that is too large).
 */
export async function roundTrip(
  { hostname, port, isSecure, prefix, user, password, origin }: ManagementAddress,
  { method, path, body, headers }: Question,
  { agent, timeoutMs, maxBytes, ca, isInsecure, signal }: Limits & Surroundings,
): Promise<RawAnswer> {
  // fetch is not used, because it blocks about sixty ports (the Fetch standard, 2.9) and removes dots from the path.
  const request = isSecure ? (await import('./https.ts')).request : askPlainly;
  const options: RequestOptions & { ca?: string; rejectUnauthorized: boolean } = {
    hostname,
    port,
    method,
    path: prefix + path,
    agent,
    headers: {
      ...headers,
      // RabbitMQ 4: some paths answer 406 to a client that accepts only JSON, although they have no body.
      accept: 'application/json, */*;q=0.1',
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      }),
    },
    // This is explicit because Node reads NODE_TLS_REJECT_UNAUTHORIZED if the option is absent.
    rejectUnauthorized: !isInsecure,
    ...(ca !== undefined && { ca }),
  };
  let isSent = false;
  let isLate: 'connection' | 'answer' | undefined;
  return new Promise<RawAnswer>((resolve, reject) => {
    const asked = request(options);
    const late = (what: 'connection' | 'answer') => () => {
      isLate = what;
      asked.destroy(new Error('late'));
    };
    const connecting = setTimeout(late('connection'), Math.min(connectMs, timeoutMs));
    const answering = setTimeout(late('answer'), timeoutMs);
    const stop = () => asked.destroy(new Stopped(signal?.reason));
    const settle = () => {
      clearTimeout(connecting);
      clearTimeout(answering);
      signal?.removeEventListener('abort', stop);
    };
    const fail = (error: Error) => {
      settle();
      asked.destroy();
      reject({ error: isLate ? lateness(origin, isLate, timeoutMs) : failureOf(origin, error), isSent });
    };
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    asked.on('error', fail);
    asked.on('socket', (socket) => {
      const onOpen = () => {
        clearTimeout(connecting);
        isSent = true;
      };
      // A reused connection is already open.
      if (!socket.connecting) onOpen();
      else socket.once(isSecure ? 'secureConnect' : 'connect', onOpen);
    });
    asked.on('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > maxBytes) fail(new TooLarge(maxBytes));
      });
      response.on('error', fail);
      response.on('end', () => {
        settle();
        const { statusCode: status = 0, headers: told } = response;
        resolve({ status, contentType: told['content-type'] ?? '', text: Buffer.concat(chunks).toString() });
      });
    });
    asked.end(body);
  });
}

class TooLarge extends Error {
  constructor(limit: number) {
    super(`the answer is larger than ${limit} bytes`);
  }
}

/** A request that a signal aborted. `reason` is the name of the signal. */
class Stopped extends Error {
  readonly isInterrupt: boolean;

  constructor(reason: unknown) {
    super('given up at a signal');
    this.isInterrupt = reason === 'SIGINT';
  }
}

function lateness(origin: string, what: 'connection' | 'answer', timeoutMs: number): MqError {
  const message =
    what === 'connection' ? 'no connection comes about' : `no whole answer within ${timeoutMs / 1000} s (--timeout)`;
  return new MqError(what === 'connection' ? 'UNAVAILABLE' : 'DEADLINE', `the management API at ${origin}: ${message}`);
}

function failureOf(origin: string, error: NodeJS.ErrnoException): MqError {
  const { code = '', message } = error;
  const at = `the management API at ${origin}`;
  const details = { cause: error };
  if (error instanceof TooLarge)
    return new MqError('PROTOCOL', `${at}: ${message}`, {
      ...details,
      hint: '--limit or --columns make it smaller, --max-answer BYTES allows more',
    });
  if (error instanceof Stopped)
    return new MqError(error.isInterrupt ? 'INTERRUPTED' : 'TERMINATED', `${at}: ${message}`, details);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new MqError('HOST_UNKNOWN', `${at}: the name of the host is unknown`, details);
  if (code === 'ECONNREFUSED') return new MqError('UNAVAILABLE', `${at}: nobody answers there`, details);
  if (isNotHttp(code))
    return new MqError('PROTOCOL', `${at}: what answers there does not speak HTTP`, {
      ...details,
      hint: 'is that the port of AMQP, or does it want https? The API has 15672, by HTTPS 15671',
    });
  if (isOfTls(code, message))
    return new MqError('TLS', `${at}: TLS failed: ${message.replaceAll(/\s+/g, ' ').trim()}`, {
      ...details,
      ...hintOfTls(code),
    });
  return new MqError('UNAVAILABLE', `${at}: the connection failed: ${code || message}`, details);
}

function isNotHttp(code: string): boolean {
  return code.startsWith('HPE_');
}

/** Reports whether a TLS error occurred. Node uses OpenSSL's certificate error names without a prefix. */
function isOfTls(code: string, message: string): boolean {
  return (
    /^ERR_(TLS|SSL|OSSL)|CERT|SIGNATURE|^CRL_|^HOSTNAME_MISMATCH|^INVALID_(CA|PURPOSE)|^PATH_LENGTH/.test(code) ||
    /SSL routines/.test(message)
  );
}

function hintOfTls(code: string): { hint?: string } {
  if (/SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)/.test(code))
    return { hint: '--ca FILE names the certificate of a private authority' };
  return code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'EPROTO'
    ? { hint: 'does that port speak http://, without TLS?' }
    : {};
}
