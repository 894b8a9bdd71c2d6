// Converts between bytes and text without loss, even if the bytes are not UTF-8. Long strings may contain any bytes
// (AMQP 0-9-1, 4.2.5.3), and RabbitMQ does not check the encoding of short strings. An invalid byte becomes a lone
// surrogate, U+DC00 plus the byte, so that the text can be converted back without loss (Python's PEP 383 does the same
// with file names).

import { isUtf8 } from 'node:buffer';

const escapeStart = 0xdc00;
const loneByte = /[\udc80-\udcff]/u;

/** Returns the text of the bytes. A byte that is not part of valid UTF-8 becomes a lone surrogate. */
export function textOfBytes(bytes: Buffer): string {
  return textAt(bytes, 0, bytes.length);
}

/** Like `textOfBytes`, for a part of the bytes. */
export function textAt(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  // Node writes U+FFFD for bytes that are not UTF-8, but U+FFFD may also be in the bytes themselves.
  return text.includes('\ufffd') ? withLoneBytes(text, bytes.subarray(start, end)) : text;
}

function withLoneBytes(text: string, bytes: Buffer): string {
  if (isUtf8(bytes)) return text;
  let escaped = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((size) => isUtf8(bytes.subarray(at, at + size)) && at + size <= bytes.length);
    escaped += length ? bytes.toString('utf8', at, at + length) : String.fromCharCode(escapeStart + (bytes[at] ?? 0));
    at += length ?? 1;
  }
  return escaped;
}

/** Returns the bytes of a text that `textOfBytes` or the user created. */
export function bytesOfText(text: string): Buffer {
  if (isPlainText(text)) return Buffer.from(text);
  // With the flag u, a surrogate pair is one character, so `loneByte` matches only lone surrogates.
  const parts = Array.from(text, (character) =>
    loneByte.test(character) ? Buffer.from([character.charCodeAt(0) - escapeStart]) : Buffer.from(character),
  );
  return Buffer.concat(parts);
}

/** Returns `false` if the text contains bytes that are not UTF-8. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() || !loneByte.test(text);
}

/** Returns a path for node:fs, as bytes if it is not UTF-8. */
export function filePath(path: string): string | Buffer {
  return isPlainText(path) ? path : bytesOfText(path);
}
