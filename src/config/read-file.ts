// Reads a whole file of the user: a regular file, a pipe such as `<(…)`, a device or a terminal. A signal stops reading
// from a pipe that has no writer. Reading from an endless device fails at the size limit.

import { closeSync, constants, createReadStream, fstatSync, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { MqError } from '../errors.ts';

/** Limit that is larger than any configuration, secret or certificate. */
const mostBytes = 16 * 1024 * 1024;

interface ReadSettings {
  /** Stops reading from a pipe or a terminal. Its abort reason is the name of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** Default 16 MiB. */
  readonly maxBytes?: number;
}

interface OpenedFile {
  /** Returns the content, as `readStream` does. */
  readonly read: (settings: ReadSettings) => Promise<Buffer>;
  readonly close: () => void;
  /** Id of the owner of the file. */
  readonly owner: number;
  /** Permission bits of the file. */
  readonly mode: number;
  /** `true` for a pipe, a device or a terminal. */
  readonly isSpecial: boolean;
}

/** Returns the content of a file. Throws the errors of node:fs and of `readStream`. */
export async function readFile(path: string, settings: ReadSettings = {}): Promise<Buffer> {
  return openFile(path).read(settings);
}

/** Opens a file without waiting for the writer of a pipe. Throws the errors of node:fs. */
export function openFile(path: string): OpenedFile {
  // Without O_NONBLOCK, opening a pipe waits for a writer and cannot be interrupted.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const found = fstatSync(fd);
  const isSpecial = !found.isFile() && !found.isDirectory();
  // A stream would start Node's thread pool.
  if (found.isFile())
    return {
      read: async (settings) => readAtOnce(fd, settings),
      close: () => closeSync(fd),
      owner: found.uid,
      mode: found.mode,
      isSpecial,
    };
  const stream = isatty(fd)
    ? new ReadStream(fd)
    : found.isFIFO()
      ? new Socket({ fd, readable: true, writable: false })
      : createReadStream(path, { fd });
  return {
    read: (settings) => readStream(stream, settings),
    close: () => stream.destroy(),
    owner: found.uid,
    mode: found.mode,
    isSpecial,
  };
}

/** Returns the content of a regular file, and closes it. */
function readAtOnce(fd: number, { maxBytes = mostBytes }: ReadSettings): Buffer {
  try {
    const isLarge = fstatSync(fd).size > maxBytes;
    const bytes = isLarge ? undefined : readFileSync(fd);
    if (bytes === undefined || bytes.length > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  } finally {
    closeSync(fd);
  }
}

function tooLarge(maxBytes: number): Error {
  return new Error(`it is larger than ${maxBytes / 1024 / 1024} MiB`);
}

/**
 * Returns all bytes. Throws an Error if there are more than `maxBytes`, and INTERRUPTED or TERMINATED after a signal.
 */
export async function readStream(
  stream: Readable,
  { signal, maxBytes = mostBytes }: ReadSettings = {},
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  if (signal !== undefined) addAbortSignal(signal, stream);
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      size += bytes.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new MqError(signal.reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED', 'interrupted', { cause: error });
  }
}

/** Throws BAD_DATA if the file of a certificate authority has no certificate, because Node ignores such a file. */
export async function assertCertificate(content: string | Buffer, file: string): Promise<void> {
  const pem = content.toString();
  const { X509Certificate } = await import('node:crypto');
  try {
    if (!/-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/.test(pem)) throw new Error('no PEM block');
    new X509Certificate(pem);
  } catch (error) {
    throw new MqError('BAD_DATA', `${file} contains no certificate`, {
      at: file,
      hint: 'a certificate in PEM begins with -----BEGIN CERTIFICATE-----',
      cause: error,
    });
  }
}
