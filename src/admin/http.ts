// Sends one request to one address of the management API, with limits for time and size.

import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestPlainly,
} from 'node:http';
import type { Socket } from 'node:net';
import { keepPassword } from '../config/redact.ts';
import { MqError, systemCode } from '../errors.ts';
import type { Credentials } from '../login/credentials.ts';
import { type TlsContent, tlsContent } from '../login/tls.ts';
import { isTlsFailure, tlsFailure } from '../login/tls-failure.ts';
import { tokenOf } from '../login/tokens.ts';
import { type Timer, time } from '../time.ts';
import type { ManagementAddress } from './address.ts';

export interface Limits {
  /** Time limit for the whole answer. */
  readonly timeoutMs: number;
  /** Hint of the error of a late answer. */
  readonly timeoutHint?: string | undefined;
  /** Maximum size of an answer. */
  readonly maxBytes: number;
}

export interface ApiRequest {
  readonly method: string;
  /** Encoded path, including `/api`. */
  readonly path: string;
  /** JSON body. `undefined` if there is no body. */
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer with a parsed body. */
export interface ApiResponse {
  readonly status: number;
  /** `undefined` if there is no body. */
  readonly body: unknown;
}

/** An answer whose body is not parsed. */
export interface RawAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Reason for a missing answer. `isSent` means that the request was sent and may have been executed. */
export class NoAnswer {
  readonly error: MqError;
  readonly isSent: boolean;

  constructor(error: MqError, isSent: boolean) {
    this.error = error;
    this.isSent = isSent;
  }
}

interface Transport {
  readonly agent: Agent;
  /** Aborts the request. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Time limit for opening a connection, in milliseconds. It is shorter than the limit for an answer, because another
 * address may be available.
 */
const connectMs = 5_000;

/**
 * Sends the request. Rejects with a NoAnswer that contains UNAVAILABLE, HOST_UNKNOWN, DEADLINE, TLS, PROTOCOL (not
 * HTTP, or an answer that is too large), INTERRUPTED or TERMINATED.
 */
export async function sendRequest(
  address: ManagementAddress,
  request: ApiRequest,
  settings: Limits & Transport,
): Promise<RawAnswer> {
  // fetch is not used, because it blocks about sixty ports (Fetch standard, 2.9) and removes `.` and `..` from paths.
  const login = await loginOf(address, settings.signal);
  const open = address.isSecure ? (await import('./https.ts')).request : requestPlainly;
  for (;;) {
    const roundTrip = new RoundTrip(
      open(optionsOf(address, request, { ...login, agent: settings.agent })),
      address,
      settings,
    );
    try {
      return await roundTrip.answer(request.body);
    } catch (failure) {
      // RFC 9112, 9.3.1: a server may close an idle connection at any time, also when a request is on its way.
      if (request.method !== 'GET' || !roundTrip.isStale) throw failure;
    }
  }
}

/** The header and the TLS settings with which a request logs in. */
interface RequestLogin {
  readonly authorization: string | undefined;
  readonly tls: TlsContent;
}

/** Reads the certificates and gets the token. Throws the errors of tlsContent and tokenOf. */
async function loginOf(
  { credentials, tls }: ManagementAddress,
  signal: AbortSignal | undefined,
): Promise<RequestLogin> {
  return { authorization: await authorizationOf(credentials), tls: await tlsContent(tls.files, signal) };
}

async function authorizationOf(credentials: Credentials): Promise<string | undefined> {
  if (credentials.kind === 'certificate') return undefined;
  // RFC 6750, 2.1.
  if (credentials.kind === 'token') return `Bearer ${(await tokenOf(credentials.source)).text}`;
  // A server or a proxy may repeat the header in its answer.
  keepPassword(credentials.user, credentials.password);
  return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`;
}

function optionsOf(
  { hostname, port, prefix, tls: { isInsecure } }: ManagementAddress,
  { method, path, body, headers }: ApiRequest,
  { agent, authorization, tls }: RequestLogin & { agent: Agent },
): RequestOptions & TlsContent & { rejectUnauthorized: boolean } {
  return {
    hostname,
    port,
    method,
    path: prefix + path,
    agent,
    headers: {
      ...headers,
      // RabbitMQ 4: some paths answer 406 to a client that accepts only JSON, although the answer has no body.
      accept: 'application/json, */*;q=0.1',
      ...(authorization !== undefined && { authorization }),
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      }),
    },
    // The option is always set, because Node reads NODE_TLS_REJECT_UNAUTHORIZED if the option is absent.
    rejectUnauthorized: !isInsecure,
    ...tls,
  };
}

/** One request from its start to its answer or failure. */
class RoundTrip {
  readonly #request: ClientRequest;
  readonly #address: ManagementAddress;
  readonly #settings: Limits & Transport;
  readonly #result = Promise.withResolvers<RawAnswer>();
  readonly #timers: readonly Timer[];
  #isSent = false;
  #isReset = false;
  /** Phase that exceeded its time limit. */
  #latePhase: 'connection' | 'answer' | undefined;

  constructor(request: ClientRequest, address: ManagementAddress, settings: Limits & Transport) {
    const { timeoutMs, signal } = settings;
    this.#request = request;
    this.#address = address;
    this.#settings = settings;
    this.#timers = [
      time.after(Math.min(connectMs, timeoutMs), () => this.#giveUp('connection')),
      time.after(timeoutMs, () => this.#giveUp('answer')),
    ];
    signal?.addEventListener('abort', this.#stop, { once: true });
    request.on('error', (error) => this.#fail(error));
    request.on('socket', (socket) => this.#watch(socket));
    request.on('response', (response) => this.#read(response));
  }

  /** `true` if the server closed a connection of an earlier request. */
  get isStale(): boolean {
    return this.#isReset && this.#request.reusedSocket;
  }

  answer(body: string | undefined): Promise<RawAnswer> {
    if (this.#settings.signal?.aborted) this.#stop();
    this.#request.end(body);
    return this.#result.promise;
  }

  #watch(socket: Socket): void {
    const onOpen = () => {
      this.#timers[0]?.cancel();
      this.#isSent = true;
    };
    // A reused connection is already open.
    if (!socket.connecting) onOpen();
    else socket.once(this.#address.isSecure ? 'secureConnect' : 'connect', onOpen);
  }

  #read(response: IncomingMessage): void {
    const { maxBytes } = this.#settings;
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBytes) this.#fail(new TooLarge(maxBytes));
    });
    response.on('error', (error) => this.#fail(error));
    response.on('end', () => {
      this.#settle();
      const { statusCode: status = 0, headers } = response;
      this.#result.resolve({
        status,
        contentType: headers['content-type'] ?? '',
        text: Buffer.concat(chunks).toString(),
      });
    });
  }

  #giveUp(what: 'connection' | 'answer'): void {
    this.#latePhase = what;
    this.#request.destroy(new Error('timeout'));
  }

  readonly #stop = () => this.#request.destroy(new Stopped(this.#settings.signal?.reason));

  #fail(error: Error): void {
    this.#settle();
    this.#isReset = ['ECONNRESET', 'EPIPE'].includes(systemCode(error) ?? '') && this.#latePhase === undefined;
    this.#request.destroy();
    const { origin } = this.#address;
    const phase = this.#latePhase;
    const why = phase ? timeoutError(origin, phase, this.#settings) : failureOf(origin, error);
    this.#result.reject(new NoAnswer(why, this.#isSent));
  }

  #settle(): void {
    for (const timer of this.#timers) timer?.cancel();
    this.#settings.signal?.removeEventListener('abort', this.#stop);
  }
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
    super('stopped by a signal');
    this.isInterrupt = reason === 'SIGINT';
  }
}

function timeoutError(
  origin: string,
  what: 'connection' | 'answer',
  { timeoutMs, timeoutHint: hint }: Limits,
): MqError {
  const at = `the management API at ${origin}`;
  return what === 'connection'
    ? new MqError('UNAVAILABLE', `${at}: the connection timed out`)
    : new MqError('DEADLINE', `${at}: no complete answer within ${timeoutMs / 1000} s`, { ...(hint && { hint }) });
}

function failureOf(origin: string, error: NodeJS.ErrnoException): MqError {
  const { code = '', message } = error;
  const at = `the management API at ${origin}`;
  const details = { cause: error };
  if (error instanceof TooLarge)
    return new MqError('PROTOCOL', `${at}: ${message}`, {
      ...details,
      hint: 'use --limit or --columns to make it smaller, or --max-answer BYTES to allow more',
    });
  if (error instanceof Stopped)
    return new MqError(error.isInterrupt ? 'INTERRUPTED' : 'TERMINATED', `${at}: ${message}`, details);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new MqError('HOST_UNKNOWN', `${at}: unknown host`, details);
  if (code === 'ECONNREFUSED') return new MqError('UNAVAILABLE', `${at}: connection refused`, details);
  if (isNotHttp(code))
    return new MqError('PROTOCOL', `${at}: the server does not speak HTTP`, {
      ...details,
      hint: 'the port may be the AMQP port, or require https; the API listens on 15672, and on 15671 for HTTPS',
    });
  if (isTlsFailure(code, message)) {
    const failure = tlsFailure(code, message, 'use http:// instead of https://');
    return new MqError(failure.code, `${at}: ${failure.message}`, { ...details, hint: failure.hint });
  }
  return new MqError('UNAVAILABLE', `${at}: the connection failed: ${code || message}`, details);
}

function isNotHttp(code: string): boolean {
  return code.startsWith('HPE_');
}
