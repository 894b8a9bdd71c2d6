// One page's own way to RabbitMQ's Web STOMP plugin: what the page and the plugin say is passed on as it is, but for
// three things. The user and the vhost of CONNECT are put in here, so that the page knows no password; long bodies are
// cut; and what the plugin sends as text comes to the page as bytes, because a browser closes the connection (1007) at
// the first body that is not UTF-8.

import { WebSocket } from 'ws';
import { FrameError, frameBytes, readFrame } from './frame.ts';
import { lengthHeader, shortened, shownBytes } from './shorten.ts';

/** A plugin and the user for it. */
export interface StompAddress {
  /** `ws://host:15674/ws` */
  readonly url: string;
  readonly login: string;
  readonly passcode: string;
  readonly vhost: string;
}

/** The way from the page. */
export interface Page {
  send(bytes: Buffer): void;
  /** Bytes that wait to be sent. */
  waiting(): number;
  close(): void;
}

const protocols = ['v12.stomp'];
/** RabbitMQ's own limit of a message is 16 MiB. */
const longestMessage = 32 * 1024 * 1024;
const openMs = 5000;
/** While so much waits for the page, nothing is taken from the plugin. */
const fullBytes = 1024 * 1024;

export class Passage {
  readonly #upstream: WebSocket;
  readonly #address: StompAddress;
  readonly #page: Page;
  #connected = false;
  #pause: NodeJS.Timeout | undefined;

  private constructor(upstream: WebSocket, address: StompAddress, page: Page) {
    this.#upstream = upstream;
    this.#address = address;
    this.#page = page;
    upstream.on('message', (data) => this.#toPage(bytesOf(data)));
    upstream.on('error', () => this.end());
    upstream.on('close', () => this.end());
  }

  /** Connects to the first of the addresses that answers. Throws the last failure. */
  static async open(addresses: readonly StompAddress[], page: Page): Promise<Passage> {
    let failure: unknown;
    for (const address of addresses) {
      try {
        return new Passage(await opened(address.url), address, page);
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
      const message = error instanceof FrameError ? error.message : 'mq web cannot pass this on';
      this.#page.send(frameBytes('ERROR', { message }));
      this.end();
    }
  }

  end(): void {
    clearInterval(this.#pause);
    this.#upstream.removeAllListeners();
    this.#upstream.on('error', () => undefined);
    this.#upstream.terminate();
    this.#page.close();
  }

  /** The page must send CONNECT in one piece, and nothing before it. */
  #withLogin(bytes: Buffer): Buffer {
    const read = readFrame(bytes, 0);
    if (read?.frame.command !== 'CONNECT') throw new FrameError('the first frame must be CONNECT');
    this.#connected = true;
    const { login, passcode, vhost: host } = this.#address;
    const asked = Object.fromEntries(read.frame.headers.filter(([name]) => askedFor.includes(name)));
    return Buffer.concat([frameBytes('CONNECT', { ...asked, host, login, passcode }), bytes.subarray(read.length)]);
  }

  #toPage(bytes: Buffer): void {
    this.#page.send(cut(bytes));
    if (this.#pause !== undefined || this.#page.waiting() < fullBytes) return;
    this.#upstream.pause();
    this.#pause = setInterval(() => {
      if (this.#page.waiting() >= fullBytes) return;
      clearInterval(this.#pause);
      this.#pause = undefined;
      this.#upstream.resume();
    }, 20);
  }
}

/** What of the page's CONNECT reaches the plugin. */
const askedFor = ['accept-version', 'heart-beat'];

/** Throws an Error that says why there is no plugin, in a few words. Tells whether it lets the user in. */
export async function tryStomp({ url, login, passcode, vhost: host }: StompAddress): Promise<void> {
  const socket = await opened(url);
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), openMs);
      socket.once('message', (data) => {
        clearTimeout(timer);
        const text = bytesOf(data).toString();
        if (text.startsWith('CONNECTED')) resolve();
        else reject(new Error(/^message:(.*)$/m.exec(text)?.[1] ?? 'it does not speak STOMP'));
      });
      socket.once('close', () => reject(new Error('it closed the connection')));
      socket.send(
        frameBytes('CONNECT', { 'accept-version': '1.2', 'heart-beat': '0,0', host, login, passcode }).toString(),
      );
    });
  } finally {
    socket.terminate();
  }
}

/** A header line cannot hold a line break, and a CONNECT frame has no escape for one (STOMP 1.2, Value Encoding). */
export function fitsConnect({ login, passcode, vhost }: StompAddress): boolean {
  return ![login, passcode, vhost].some((text) => /[\r\n\0]/.test(text));
}

function opened(url: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols, {
      handshakeTimeout: openMs,
      maxPayload: longestMessage,
      skipUTF8Validation: true,
      perMessageDeflate: false,
      followRedirects: false,
      // Explicit, because Node reads NODE_TLS_REJECT_UNAUTHORIZED if it is absent.
      rejectUnauthorized: true,
    });
    socket.once('open', () => {
      socket.removeAllListeners('error');
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** RabbitMQ sends each frame as one message of the WebSocket. */
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

function bytesOf(data: WebSocket.RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);
}
