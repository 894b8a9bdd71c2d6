// Issues JSON Web Tokens for RabbitMQ's OAuth 2 plugin, by a command.

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { emptyFolder } from './mq.ts';

export interface Issuer {
  /** Public key in PEM, for the plugin. */
  readonly publicKey: string;
  /** Returns a token that is valid for `seconds`, for an audience. Default: the resource server of the tests. */
  token(seconds: number, audience?: string): string;
  /** Returns a shell command that prints another token each time. */
  command(seconds: number): string;
}

export const keyId = 'key-of-the-tests';
export const resource = 'rabbitmq';
/** Start of every token: the base64url of `{"`. No output may contain it. */
export const tokenMark = 'eyJ';

/** Prints a token. Node writes it faster than openssl. */
const script = `
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
const [seconds, audience] = process.argv.slice(2);
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = Math.floor(Date.now() / 1000);
const scope = ['configure:*/*', 'read:*/*', 'write:*/*', 'tag:administrator'].map((one) => '${resource}.' + one).join(' ');
const claims = { sub: 'worker', aud: audience, iat: now, exp: now + Number(seconds), jti: randomUUID(), scope };
const signed = part({ alg: 'RS256', typ: 'JWT', kid: '${keyId}' }) + '.' + part(claims);
const key = createPrivateKey(readFileSync(new URL('key.pem', import.meta.url)));
console.log(signed + '.' + sign('sha256', Buffer.from(signed), key).toString('base64url'));
`;

export function issuer(): Issuer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const file = join(emptyFolder({ 'token.mjs': script, 'key.pem': privateKey }), 'token.mjs');
  return {
    publicKey,
    token: (seconds, audience = resource) =>
      execFileSync('node', [file, String(seconds), audience], { encoding: 'utf8' }).trim(),
    command: (seconds) => `node '${file}' ${seconds} ${resource}`,
  };
}
