// Parses and formats STOMP 1.2 frames.

export interface Frame {
  readonly command: string;
  /** Headers in order. If a name is repeated, the first one counts (STOMP 1.2, Repeated Header Entries). */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Thrown if the received bytes are not STOMP. */
export class FrameError extends Error {}

const limits = { headerBytes: 64 * 1024, headers: 256 };
const [lineFeed, carriageReturn, nul] = [10, 13, 0];

export function headerOf({ headers }: Frame, name: string): string | undefined {
  return headers.find(([one]) => one === name)?.[1];
}

/** Collects bytes and returns complete frames. It skips heart-beats (empty lines between frames). */
export class FrameReader {
  readonly #bodyBytes: number;
  #pending: Buffer = Buffer.alloc(0);

  constructor({ bodyBytes }: { bodyBytes: number }) {
    this.#bodyBytes = bodyBytes;
  }

  /** Adds bytes and returns the complete frames. Throws a FrameError, after which the connection is unusable. */
  push(bytes: Buffer): Frame[] {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    const frames: Frame[] = [];
    for (;;) {
      const start = this.#pending.findIndex((byte) => byte !== lineFeed && byte !== carriageReturn);
      this.#pending = start === -1 ? Buffer.alloc(0) : this.#pending.subarray(start);
      if (this.#pending.length === 0) return frames;
      const read = readFrame(this.#pending, this.#bodyBytes);
      if (!read) return frames;
      frames.push(read.frame);
      this.#pending = this.#pending.subarray(read.length);
    }
  }
}

/** Returns the first frame and its length, or `undefined` if it is incomplete. Throws FrameError. */
export function readFrame(bytes: Buffer, bodyBytes: number): { frame: Frame; length: number } | undefined {
  const head = readHead(bytes);
  if (!head) {
    if (bytes.length > limits.headerBytes) throw new FrameError('the headers are too long');
    return undefined;
  }
  const { command, headers, bodyStart } = head;
  const given = headers.find(([name]) => name === 'content-length')?.[1];
  if (given !== undefined && !/^\d{1,10}$/.test(given)) throw new FrameError('content-length is not a number');
  const end = given === undefined ? bytes.indexOf(nul, bodyStart) : bodyStart + Number(given);
  const length = (end === -1 ? bytes.length : end) - bodyStart;
  if (length > bodyBytes) throw new FrameError(`the body has more than ${bodyBytes} bytes`);
  if (end === -1 || end >= bytes.length) return undefined;
  if (bytes[end] !== nul) throw new FrameError('there is no NUL after the body');
  return { frame: { command, headers, body: bytes.subarray(bodyStart, end) }, length: end + 1 };
}

function readHead(bytes: Buffer) {
  const lines: string[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf(lineFeed, at);
    if (end === -1 || end > limits.headerBytes) return undefined;
    const line = bytes.toString('utf8', at, bytes[end - 1] === carriageReturn && end > at ? end - 1 : end);
    at = end + 1;
    if (line === '') break;
    lines.push(line);
    if (lines.length > limits.headers) throw new FrameError('there are too many headers');
  }
  const [command = '', ...rest] = lines;
  if (!/^[A-Z]+$/.test(command)) throw new FrameError('this is not a STOMP frame');
  // STOMP 1.2, Value Encoding: CONNECT and CONNECTED are not escaped, for compatibility with STOMP 1.0.
  const isEscaped = command !== 'CONNECT' && command !== 'CONNECTED';
  const headers = rest.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new FrameError('a header has no name or no value');
    const pair = [line.slice(0, colon), line.slice(colon + 1)] as const;
    return isEscaped ? [unescaped(pair[0]), unescaped(pair[1])] : pair;
  });
  return { command, headers, bodyStart: at };
}

/** Returns the bytes of a frame and sets `content-length`. */
export function frameBytes(command: string, headers: Readonly<Record<string, string>>, body?: Buffer): Buffer {
  const isEscaped = command !== 'CONNECT' && command !== 'CONNECTED';
  const lines = Object.entries(headers).map(([name, value]) =>
    isEscaped ? `${escaped(name)}:${escaped(value)}` : `${name}:${value.replace(/[\r\n]/g, ' ')}`,
  );
  if (body) lines.push(`content-length:${body.length}`);
  return Buffer.concat([
    Buffer.from(`${[command, ...lines].join('\n')}\n\n`),
    body ?? Buffer.alloc(0),
    Buffer.from([nul]),
  ]);
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\r': '\\r', '\n': '\\n', ':': '\\c' };
const meanings: Readonly<Record<string, string>> = { '\\\\': '\\', '\\r': '\r', '\\n': '\n', '\\c': ':' };

function escaped(text: string): string {
  // A NUL would end the frame for a reader that searches for it. STOMP has no escape for a NUL, so U+2400 replaces it.
  return text.replace(/[\\\r\n:]/g, (character) => escapes[character] ?? '').replaceAll('\0', '\u2400');
}

function unescaped(text: string): string {
  return text.replace(/\\(.?)/gs, (whole) => {
    const meaning = meanings[whole];
    if (meaning === undefined) throw new FrameError('a header has an escape that STOMP 1.2 does not define');
    return meaning;
  });
}
