// Chooses the compression of a recording by the ending of its name: .gz or .zst.

import { once } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import zlib from 'node:zlib';
import { turn } from '../../time.ts';

interface Format {
  readonly compress: () => Duplex & { flush(kind: number, done: () => void): void };
  /** Decompresses data that ends too early without an error, because an error would drop what waits for the reader. */
  readonly decompress: () => Duplex;
  /** Kind of a flush after which everything so far can be decompressed. */
  readonly flush: number;
}

const formats: Readonly<Record<string, Format>> = {
  '.gz': {
    compress: zlib.createGzip,
    decompress: () => zlib.createGunzip({ finishFlush: zlib.constants.Z_SYNC_FLUSH }),
    flush: zlib.constants.Z_SYNC_FLUSH,
  },
  '.zst': {
    compress: zlib.createZstdCompress,
    decompress: () => zlib.createZstdDecompress({ finishFlush: zlib.constants.ZSTD_e_flush }),
    flush: zlib.constants.ZSTD_e_flush,
  },
};

function formatOf(path: string): Format | undefined {
  const ending = Object.keys(formats).find((one) => path.endsWith(one));
  return ending === undefined ? undefined : formats[ending];
}

/** Returns the decompressed bytes. An error of the source is an error of the result. */
export function decompressed(path: string, source: Readable): Readable {
  const format = formatOf(path);
  if (!format) return source;
  const output = format.decompress();
  source.on('error', (error) => output.destroy(error));
  output.on('close', () => source.destroy());
  return source.pipe(output);
}

/** Compresses bytes piece by piece. Each piece can be decompressed without the next one. */
export class Compressor {
  readonly #format: Format | undefined;
  readonly #stream: ReturnType<Format['compress']> | undefined;
  #output: Buffer[] = [];

  constructor(path: string) {
    this.#format = formatOf(path);
    this.#stream = this.#format?.compress();
    this.#stream?.on('data', (chunk: Buffer) => this.#output.push(chunk));
  }

  async piece(bytes: Buffer): Promise<Buffer> {
    const [stream, format] = [this.#stream, this.#format];
    if (!stream || !format) return bytes;
    stream.write(bytes);
    await new Promise<void>((resolve) => stream.flush(format.flush, resolve));
    await turn();
    return this.#take();
  }

  /** Returns the bytes that end the compressed data. */
  async end(): Promise<Buffer> {
    if (!this.#stream) return Buffer.alloc(0);
    const ended = once(this.#stream, 'end');
    this.#stream.end();
    await ended;
    return this.#take();
  }

  #take(): Buffer {
    const output = Buffer.concat(this.#output);
    this.#output = [];
    return output;
  }
}
