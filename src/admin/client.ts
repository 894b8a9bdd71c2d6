// Sends requests to the management API. Selects the address and interprets the answers.

import { Agent } from 'node:http';
import { type ErrorCode, MqError } from '../errors.ts';
import type { Credentials } from '../login/credentials.ts';
import type { ManagementAddress } from './address.ts';
import { type ApiRequest, type ApiResponse, type Limits, NoAnswer, type RawAnswer, sendRequest } from './http.ts';
import { refusal } from './refusal.ts';

export interface ManagementOptions extends Partial<Limits> {
  /** Addresses in the order in which they are tried, one for each node. */
  readonly addresses: readonly ManagementAddress[];
  /** Aborts every request with INTERRUPTED or TERMINATED. */
  readonly signal?: AbortSignal;
  /**
   * Runs once before the first request to an address. If it throws UNAVAILABLE, DEADLINE or HOST_UNKNOWN, the next
   * address is tried.
   */
  readonly prove?: (address: ManagementAddress) => Promise<void>;
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** Default limits: 30 seconds, and 64 MiB, which is enough for 25,000 queues with all their fields. */
export const defaultLimits: Limits = { timeoutMs: 30_000, maxBytes: 64 * 1024 * 1024 };

/** Codes of the errors with which a proof reports that an address does not answer. */
const absentCodes: readonly ErrorCode[] = ['UNAVAILABLE', 'DEADLINE', 'HOST_UNKNOWN'];

/** Statuses that a proxy returns if its server does not answer, and that a node returns while it shuts down. */
const absentStatuses = [502, 504];

/** Sends requests to the management API of one broker, at the first address that answers. */
export class Management {
  readonly #addresses: readonly ManagementAddress[];
  readonly #limits: Limits;
  readonly #signal: AbortSignal | undefined;
  readonly #prove: ManagementOptions['prove'];
  readonly #proofs = new Map<ManagementAddress, Promise<void>>();
  readonly #agents: { readonly http: Agent; https?: Agent } = { http: new Agent({ keepAlive: true }) };
  /** Index of the address that answered last. It is tried first. */
  #current = 0;

  constructor({ addresses, timeoutMs, timeoutHint, maxBytes, signal, prove }: ManagementOptions) {
    this.#addresses = addresses;
    this.#prove = prove;
    this.#signal = signal;
    this.#limits = {
      timeoutMs: timeoutMs ?? defaultLimits.timeoutMs,
      timeoutHint,
      maxBytes: maxBytes ?? defaultLimits.maxBytes,
    };
  }

  /** Address of the last answer, for messages. */
  get origin(): string {
    return this.#addresses[this.#current]?.origin ?? '';
  }

  /** User of the requests, for messages. A token or a certificate contains the user, and mq does not know it. */
  get user(): string {
    const { credentials } = this;
    if (credentials?.kind === 'password') return credentials.user;
    return credentials?.kind === 'token' ? `of ${credentials.source.from}` : 'of the certificate';
  }

  /** Credentials of the requests. */
  get credentials(): Credentials | undefined {
    return this.#addresses[this.#current]?.credentials;
  }

  /**
   * Returns the body of a successful answer (2xx), or `undefined` for an empty one. `path` follows `/api` (see
   * apiPath). Throws the errors of `ask`. Refusals of the broker throw NOT_PERMITTED (401, 403), BAD_DATA (other 4xx,
   * 501) and UNAVAILABLE (5xx) with the broker's text.
   */
  async request(method: Method, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw refusal(answer, { method, path, api: this });
  }

  /**
   * Returns any answer of the broker, including 4xx and 5xx. If an address does not answer, the next one is tried. A
   * change that may already have been executed is not tried again.
   * @throws MqError UNAVAILABLE, HOST_UNKNOWN, DEADLINE, TLS, PROTOCOL (not JSON, or too large), IN_DOUBT (a change was
   * sent but not answered, or a proxy answered 502 or 504), INTERRUPTED or TERMINATED at a signal, and the errors of
   * `prove`
   */
  async ask(
    method: Method,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiResponse> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = { method, path: `/api${path}`, body: text, headers };
    const failures: MqError[] = [];
    for (const address of this.#inOrder()) {
      try {
        await this.#proven(address);
        const answer = await this.#send(address, request);
        const isAbsent = absentStatuses.includes(answer.status);
        // RFC 9110, 15.6.5: a server that answers 504 has forwarded the request.
        if (isAbsent && method !== 'GET') throw inDoubt(request, absent(answer, address));
        if (isAbsent && failures.length + 1 < this.#addresses.length) {
          failures.push(absent(answer, address));
          continue;
        }
        this.#current = this.#addresses.indexOf(address);
        return { status: answer.status, body: parsed(answer, address) };
      } catch (failure) {
        failures.push(this.#toleratedFailure(failure, request));
      }
    }
    throw joined(failures);
  }

  /** Returns the addresses, starting with the one that answered last. */
  #inOrder(): readonly ManagementAddress[] {
    return [...this.#addresses.slice(this.#current), ...this.#addresses.slice(0, this.#current)];
  }

  /** Returns the error of an address after which the next one may be tried. Throws any other failure. */
  #toleratedFailure(failure: unknown, request: ApiRequest): MqError {
    const isStopped = this.#signal?.aborted === true;
    if (!(failure instanceof NoAnswer)) {
      if (failure instanceof MqError && absentCodes.includes(failure.code) && !isStopped) return failure;
      throw failure;
    }
    const { error, isSent } = failure;
    if (isSent && request.method !== 'GET') throw inDoubt(request, error);
    if (isStopped || error.code === 'PROTOCOL') throw error;
    return error;
  }

  /** Closes the connections to the API. */
  close(): void {
    this.#agents.http.destroy();
    this.#agents.https?.destroy();
  }

  /** Runs the proof of an address before its first request. A failed proof is repeated at the next request. */
  #proven(address: ManagementAddress): Promise<void> {
    if (this.#prove === undefined) return Promise.resolve();
    const proof = this.#proofs.get(address) ?? this.#prove(address);
    this.#proofs.set(address, proof);
    proof.catch(() => this.#proofs.delete(address));
    return proof;
  }

  async #send(address: ManagementAddress, request: ApiRequest): Promise<RawAnswer> {
    const agent = address.isSecure ? await this.#secureAgent() : this.#agents.http;
    return sendRequest(address, request, { ...this.#limits, agent, signal: this.#signal });
  }

  async #secureAgent(): Promise<Agent> {
    const { Agent } = await import('./https.ts');
    this.#agents.https ??= new Agent({ keepAlive: true });
    return this.#agents.https;
  }
}

function parsed({ status, contentType, text }: RawAnswer, { origin }: ManagementAddress): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    // RabbitMQ's own 4xx and 5xx answers may be HTML or text, but a successful answer and a 404 of the API are JSON.
    if (status >= 400 && status !== 404) return { error: `HTTP ${status}` };
    throw new MqError(
      'PROTOCOL',
      `the management API at ${origin}: the answer (HTTP ${status}) ${whatIs(contentType, text)}`,
      {
        hint: /^\s*[{[]/.test(text)
          ? 'the log of the broker may show the reason'
          : 'check that this is the address of the management API, and that rabbitmq_management is enabled',
        cause: error,
      },
    );
  }
}

/**
 * Describes an answer that is not valid JSON. RabbitMQ 4.3.6 truncates the definitions of a vhost with an umlaut in its
 * name and still answers with a success status.
 */
function whatIs(contentType: string, text: string): string {
  if (/^\s*[{[]/.test(text)) return 'is truncated JSON';
  return /html/i.test(contentType) || /^\s*</.test(text) ? 'is HTML, not JSON' : 'is not JSON';
}

function absent({ status }: RawAnswer, { origin }: ManagementAddress): MqError {
  return new MqError('UNAVAILABLE', `the management API at ${origin} is not available (HTTP ${status})`);
}

function inDoubt({ method, path }: ApiRequest, error: MqError): MqError {
  if (error.code === 'PROTOCOL' || error.code === 'TLS') return error;
  const code = ['INTERRUPTED', 'TERMINATED'].includes(error.code) ? error.code : 'IN_DOUBT';
  return new MqError(code, `${error.message}; ${method} ${path.split('?', 1)[0]} may have been executed`, {
    hint: 'check the result before you repeat it',
    cause: error,
  });
}

function joined(failures: readonly MqError[]): MqError {
  const [first, ...others] = failures;
  if (first === undefined) return new MqError('BUG', 'there is no address of the management API');
  if (others.length === 0)
    return first.code === 'UNAVAILABLE' && first.hint === undefined
      ? new MqError(first.code, first.message, { hint: managementHint, cause: first })
      : first;
  return new MqError(first.code, `no address of the management API answers (${failures.length} tried)`, {
    problems: failures.map(({ message }) => message),
    hint: managementHint,
    cause: first,
  });
}

const managementHint =
  'the plugin rabbitmq_management serves the API, usually on port 15672 (mq broker: --management-port); --management-url names another address';
