// Text that may hold bytes which are not UTF-8. AMQP does not say what is in a short or long string. Such a byte is kept as
// a lone surrogate, U+DC00 plus the byte, so that the text stays a string and the bytes come back as they were (Python's
// PEP 383 does the same with names of files).

import { isUtf8 } from 'node:buffer';

const escapeStart = 0xdc00;
const loneByte = /[\udc80-\udcff]/u;

/** Returns the text of the bytes. A byte that is not part of valid UTF-8 becomes a lone surrogate. */
export function textOfBytes(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  // U+FFFD is what Node writes for bytes that are not UTF-8; it may also be in the bytes themselves.
  if (!text.includes('\ufffd') || isUtf8(bytes)) return text;
  let escaped = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((size) => isUtf8(bytes.subarray(at, at + size)) && at + size <= bytes.length);
    escaped += length ? bytes.toString('utf8', at, at + length) : String.fromCharCode(escapeStart + (bytes[at] ?? 0));
    at += length ?? 1;
  }
  return escaped;
}

/** Returns the bytes of a text that `textOfBytes` or a person made. */
export function bytesOfText(text: string): Buffer {
  if (isPlainText(text)) return Buffer.from(text);
  // The flag u takes a pair of surrogates for one character, so only lone ones are single bytes.
  const parts = Array.from(text, (character) =>
    loneByte.test(character) ? Buffer.from([character.charCodeAt(0) - escapeStart]) : Buffer.from(character),
  );
  return Buffer.concat(parts);
}

/** Returns false if the text holds bytes that are not UTF-8. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() || !loneByte.test(text);
}

/** Returns the name of a file as node:fs needs it. */
export function filePath(path: string): string | Buffer {
  return isPlainText(path) ? path : bytesOfText(path);
}
