// Removes passwords and keys from output.

import { escaped, safeJson } from '../errors.ts';
import type { Config, ConnectionConfig } from './config.ts';
import { isObject, objectOf, stringOf } from './plain.ts';

/**
 * Returns all secrets of the configuration and the addresses: passwords, encryption keys and TLS keys. Passwords are
 * also returned in the forms that SASL PLAIN and HTTP Basic send. `guest` is public, so it is not a secret.
 */
export function secretsOf({ config, addresses = [] }: SecretSources): string[] {
  const secrets = [...(config === undefined ? [] : configSecrets(config)), ...addresses.flatMap(connectionSecrets)];
  return [...new Set(secrets)].filter((secret) => secret !== '' && secret !== 'guest');
}

interface SecretSources {
  config?: Config | undefined;
  addresses?: readonly ConnectionConfig[] | undefined;
}

/** Secrets that became known after the start, such as tokens. Every redactor also removes these. */
let late: ((text: string) => string) | undefined;
const lateSecrets = new Set<string>();
/**
 * A process that runs for months renews its token thousands of times. Older ones have expired. A secret that is used
 * again counts as new.
 */
const mostLateSecrets = 100;

/** Removes a secret from the texts of all redactors, including those that exist already. `guest` is not a secret. */
export function keepSecret(secret: string): void {
  if (secret === '' || secret === 'guest') return;
  const isKnown = lateSecrets.delete(secret);
  lateSecrets.add(secret);
  if (isKnown) return;
  const [oldest] = lateSecrets;
  if (lateSecrets.size > mostLateSecrets && oldest !== undefined) lateSecrets.delete(oldest);
  late = undefined;
}

/** Removes the password of a login from the texts of all redactors, also in the forms of SASL PLAIN and HTTP Basic. */
export function keepPassword(user: string, password: string): void {
  for (const form of passwordForms(user, password)) keepSecret(form);
}

/**
 * Returns a function that replaces each secret with `***`, whether it is raw, percent-encoded, base64 or inside JSON.
 */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const known = redactorOf(secrets);
  return (text) => {
    if (lateSecrets.size === 0) return known(text);
    late ??= redactorOf([...lateSecrets].flatMap((secret) => [secret, `\0\0${secret}`]));
    return late(known(text));
  };
}

function redactorOf(secrets: readonly string[]): (text: string) => string {
  // A secret of three characters or fewer occurs in ordinary text. Replacing it would damage the text and reveal the
  // secret.
  const forms = [...new Set(secrets.flatMap(formsOf))].filter((form) => form.length > 3);
  if (forms.length === 0) return (text) => text;
  // The longest secret comes first, because one secret may be a prefix of another.
  const longestFirst = forms.toSorted((one, other) => other.length - one.length);
  const pattern = new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
  return (text) => text.replace(pattern, (secret) => (secret.endsWith('@') ? '***@' : '***'));
}

function configSecrets(config: Config): string[] {
  const profiles = [
    ...Object.values(objectOf(config.rest['encryption'])),
    ...Object.values(config.publications).map(({ encryption }) => encryption),
    ...Object.values(config.subscriptions).flatMap(({ rest }) => Object.values(objectOf(rest['encryption']))),
  ];
  return [
    ...Object.values(config.vhosts).flatMap(({ connections }) => connections.flatMap(connectionSecrets)),
    ...profiles.flatMap((profile) => stringOf(objectOf(profile)['key']) ?? []),
  ];
}

function connectionSecrets(connection: ConnectionConfig): string[] {
  const { user = 'guest', password, socketOptions = {}, management, token } = connection;
  const tls = ['key', 'pfx', 'passphrase'].flatMap((name) => stringOf(socketOptions[name]) ?? []);
  const ofToken = token?.kind === 'token' ? [token.token] : token?.kind === 'client' ? [token.clientSecret] : [];
  return [...passwordForms(user, password), ...tls, ...ofToken, ...managementSecrets(management, user)];
}

function managementSecrets(management: unknown, user: string): string[] {
  const fields = isObject(management) ? management : { url: management };
  const url = stringOf(fields['url']);
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  const own = passwordForms(stringOf(fields['user']) ?? user, stringOf(fields['password']));
  if (parsed === undefined) return own;
  return [...own, parsed.password, ...passwordForms(unescaped(parsed.username), unescaped(parsed.password))];
}

function passwordForms(user: string, password: string | undefined): string[] {
  if (password === undefined || password === '' || password === 'guest') return [];
  // RFC 4616 (PLAIN) and RFC 7617 (Basic).
  return [password, `\0${user}\0${password}`, `${user}:${password}`];
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret.toWellFormed());
  const base64 = Buffer.from(secret).toString('base64');
  return [
    secret,
    encoded,
    encoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    // Form that url.format writes. It also encodes the marks that encodeURIComponent leaves unchanged.
    encoded.replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`),
    base64,
    base64.replace(/(?<!=)=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    JSON.stringify(secret).slice(1, -1),
    safeJson(secret).slice(1, -1),
    escaped(secret),
  ];
}
