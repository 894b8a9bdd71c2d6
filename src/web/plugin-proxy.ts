// The connection of one page to RabbitMQ's Web STOMP plugin. It forwards frames unchanged, with three exceptions. It
// adds the user and the vhost to CONNECT, so that the page does not receive the password. It truncates long bodies. It
// sends the plugin's text messages as binary ones, because a browser closes the connection (1007) at the first body
// that is not UTF-8.

import { WebSocket } from 'ws';
import type { Credentials } from '../login/credentials.ts';
import type { TlsFiles } from '../login/login.ts';
import { tlsContent } from '../login/tls.ts';
import { tokenOf } from '../login/tokens.ts';
import { type Timer, time } from '../time.ts';
import { FrameError, frameBytes, readFrame } from './frame.ts';
import { lengthHeader, shortened, shownBytes } from './shorten.ts';

/** Address of a plugin, with the user for it. */
export interface StompAddress {
  /** URL: `ws://host:15674/ws` */
  readonly url: string;
  readonly vhost: string;
  readonly credentials: Credentials;
  /** For wss: the files of the certificates. */
  readonly tls: { readonly files: TlsFiles; readonly isInsecure: boolean };
}

/** Headers of CONNECT that log in. They are absent if the client certificate is the login. */
type LoginHeaders = { readonly login: string; readonly passcode: string } | Record<string, never>;

/** The connection to the page. */
interface PageConnection {
  send(bytes: Buffer): void;
  /** Number of bytes that wait to be sent. */
  waiting(): number;
  close(): void;
}

const protocols = ['v12.stomp'];
/** Maximum size of a message. RabbitMQ's own limit is 16 MiB. */
const longestMessage = 32 * 1024 * 1024;
const openMs = 5000;
/** While this many bytes wait for the page, nothing is read from the plugin. */
const fullBytes = 1024 * 1024;

export class PluginProxy {
  readonly #upstream: WebSocket;
  readonly #host: string;
  readonly #login: LoginHeaders;
  readonly #page: PageConnection;
  #connected = false;
  #pause: Timer | undefined;
  #renewal: Timer | undefined;

  private constructor(
    upstream: WebSocket,
    { host, login, renewAt }: { host: string; login: LoginHeaders; renewAt: number | undefined },
    page: PageConnection,
  ) {
    this.#upstream = upstream;
    this.#host = host;
    this.#login = login;
    this.#page = page;
    // STOMP cannot renew a token, so the page connects again, and the new connection gets a new token.
    if (renewAt !== undefined) this.#renewal = time.after(renewAt - time.date(), () => this.end());
    upstream.on('message', (data) => this.#toPage(bytesOf(data)));
    upstream.on('error', () => this.end());
    upstream.on('close', () => this.end());
  }

  /** Connects to the first address that answers. If none answers, throws the error of the last one. */
  static async open(addresses: readonly StompAddress[], page: PageConnection): Promise<PluginProxy> {
    let failure: unknown;
    for (const address of addresses) {
      try {
        const { headers: login, renewAt } = await loginOf(address.credentials);
        return new PluginProxy(await opened(address), { host: address.vhost, login, renewAt }, page);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  receive(bytes: Buffer): void {
    try {
      this.#upstream.send(this.#connected ? bytes : this.#withLogin(bytes), { binary: false });
    } catch (error) {
      const message = error instanceof FrameError ? error.message : 'mq web cannot forward this frame';
      this.#page.send(frameBytes('ERROR', { message }));
      this.end();
    }
  }

  end(): void {
    this.#pause?.cancel();
    this.#renewal?.cancel();
    this.#upstream.removeAllListeners();
    this.#upstream.on('error', () => undefined);
    this.#upstream.terminate();
    this.#page.close();
  }

  /** Adds the login to CONNECT. The page must send CONNECT first and in one piece. */
  #withLogin(bytes: Buffer): Buffer {
    const read = readFrame(bytes, 0);
    if (read?.frame.command !== 'CONNECT') throw new FrameError('the first frame must be CONNECT');
    this.#connected = true;
    const asked = Object.fromEntries(read.frame.headers.filter(([name]) => askedFor.includes(name)));
    const headers = { ...asked, host: this.#host, ...this.#login };
    return Buffer.concat([frameBytes('CONNECT', headers), bytes.subarray(read.length)]);
  }

  #toPage(bytes: Buffer): void {
    this.#page.send(cut(bytes));
    if (this.#pause !== undefined || this.#page.waiting() < fullBytes) return;
    this.#upstream.pause();
    this.#pause = time.every(20, () => {
      if (this.#page.waiting() >= fullBytes) return;
      this.#pause?.cancel();
      this.#pause = undefined;
      this.#upstream.resume();
    });
  }
}

/** Headers of the page's CONNECT that are forwarded. */
const askedFor = ['accept-version', 'heart-beat'];

/** Checks whether a plugin answers and accepts the user. Throws an Error with a short reason otherwise. */
export async function tryStomp(address: StompAddress): Promise<void> {
  const { headers } = await loginOf(address.credentials);
  const socket = await opened(address);
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = time.after(openMs, () => reject(new Error('no answer')));
      socket.once('message', (data) => {
        timer.cancel();
        const text = bytesOf(data).toString();
        if (text.startsWith('CONNECTED')) resolve();
        else reject(new Error(/^message:(.*)$/m.exec(text)?.[1] ?? 'it is not a STOMP server'));
      });
      socket.once('close', () => reject(new Error('it closed the connection')));
      const asked = { 'accept-version': '1.2', 'heart-beat': '0,0', host: address.vhost };
      socket.send(frameBytes('CONNECT', { ...asked, ...headers }).toString());
    });
  } finally {
    socket.terminate();
  }
}

/**
 * Reports whether the login fits into a CONNECT frame. A header line cannot contain a line break, and a CONNECT frame
 * has no escape for one (STOMP 1.2, Value Encoding).
 */
export function fitsConnect({ credentials, vhost }: StompAddress): boolean {
  const { user, password } = { user: '', password: '', ...credentials };
  return ![user, password, vhost].some((text) => /[\r\n\0]/.test(text));
}

/** Returns the headers of the login, and the time at which its token must be renewed. Throws the errors of tokenOf. */
async function loginOf(credentials: Credentials): Promise<{ headers: LoginHeaders; renewAt?: number | undefined }> {
  if (credentials.kind === 'certificate') return { headers: {} };
  const { user: login } = credentials;
  if (credentials.kind === 'password') return { headers: { login, passcode: credentials.password } };
  const { text: passcode, renewAt } = await tokenOf(credentials.source);
  return { headers: { login, passcode }, renewAt };
}

async function opened({ url, tls: { files, isInsecure } }: StompAddress): Promise<WebSocket> {
  const content = url.toLowerCase().startsWith('wss:') ? await tlsContent(files) : {};
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols, {
      handshakeTimeout: openMs,
      maxPayload: longestMessage,
      skipUTF8Validation: true,
      perMessageDeflate: false,
      followRedirects: false,
      // This is explicit because Node reads NODE_TLS_REJECT_UNAUTHORIZED if the option is absent.
      rejectUnauthorized: !isInsecure,
      ...content,
    });
    socket.once('open', () => {
      socket.removeAllListeners('error');
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Truncates the body of a message. RabbitMQ sends each frame as one WebSocket message. */
function cut(bytes: Buffer): Buffer {
  if (bytes.length <= shownBytes || !bytes.subarray(0, 8).toString().startsWith('MESSAGE')) return bytes;
  try {
    const read = readFrame(bytes, longestMessage);
    if (!read || bytes.subarray(read.length).some((byte) => byte !== 10)) return bytes;
    const { body, headers } = shortened(read.frame.body);
    const known = read.frame.headers.filter(([name]) => name !== 'content-length' && name !== lengthHeader);
    return frameBytes('MESSAGE', { ...Object.fromEntries(known.toReversed()), ...headers }, body);
  } catch {
    return bytes;
  }
}

/** Returns the bytes of a WebSocket message. */
export function bytesOf(data: WebSocket.RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);
}
