// Creates random UUIDs (version 4). Loading node:crypto is a twentieth of the processor time of a short command, so the
// bytes come from the random device of the system. Windows has none.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const bytesPerId = 16;
const pool = Buffer.alloc(64 * bytesPerId);
let at = pool.length;
let hasDevice = true;

/** Returns a random UUID. */
export function randomUUID(): string {
  if (at === pool.length) fillPool();
  if (!hasDevice) return crypto.randomUUID();
  const bytes = pool.subarray(at, at + bytesPerId);
  at += bytesPerId;
  // RFC 9562, 5.4: the version is 4, and the variant is binary 10.
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}

function fillPool(): void {
  try {
    const device = openSync('/dev/urandom', 'r');
    try {
      // A regular file of this name, as in some chroots, would return the same bytes each time.
      hasDevice = fstatSync(device).isCharacterDevice() && readSync(device, pool) === pool.length;
    } finally {
      closeSync(device);
    }
  } catch {
    hasDevice = false;
  }
  if (hasDevice) at = 0;
}
