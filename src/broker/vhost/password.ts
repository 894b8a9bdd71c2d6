// Hashes and checks passwords in RabbitMQ's format.

import { createHash, timingSafeEqual } from 'node:crypto';
import { time } from '../../time.ts';

/** A hashed password (https://www.rabbitmq.com/docs/passwords). Salt and hash are in base64. */
export interface Password {
  readonly algorithm: 'sha256' | 'sha512';
  readonly salt: string;
  /** The hash of the salt followed by the password. */
  readonly hash: string;
}

/** RabbitMQ uses this length too, so exported definitions can move users between both brokers. */
const saltBytes = 4;
const algorithms: Readonly<Record<string, { algorithm: Password['algorithm']; hashBytes: number }>> = {
  rabbit_password_hashing_sha256: { algorithm: 'sha256', hashBytes: 32 },
  rabbit_password_hashing_sha512: { algorithm: 'sha512', hashBytes: 64 },
};

/**
 * Parses a `password_hash` of exported definitions: the salt and the hash in base64. Returns a message if it is invalid.
 * @param name RabbitMQ's name of the algorithm; defaults to SHA-256
 */
export function passwordOfHash(encoded: string, name = 'rabbit_password_hashing_sha256'): Password | string {
  const hashing = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
  if (hashing === undefined) return `unknown hashing_algorithm: ${name}`;
  const { algorithm, hashBytes } = hashing;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length !== saltBytes + hashBytes) return `password_hash is not a hash of ${name}`;
  return {
    algorithm,
    salt: bytes.subarray(0, saltBytes).toString('base64'),
    hash: bytes.subarray(saltBytes).toString('base64'),
  };
}

/** Returns the hash of a password with a new salt. */
export function hashed(password: string): Password {
  const salt = time.randomBytes(saltBytes);
  return {
    algorithm: 'sha256',
    salt: salt.toString('base64'),
    hash: hashOf('sha256', salt, password).toString('base64'),
  };
}

/** Checks a password in constant time. */
export function isPassword(password: string, { algorithm, salt, hash }: Password): boolean {
  const expected = Buffer.from(hash, 'base64');
  const actual = hashOf(algorithm, Buffer.from(salt, 'base64'), password);
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function hashOf(algorithm: Password['algorithm'], salt: Buffer, password: string): Buffer {
  return createHash(algorithm).update(salt).update(password).digest();
}
