// Who may log in, and what they may do: three regular expressions for each virtual host, over the names of queues and exchanges.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isLoopback } from '../loopback.ts';
import { patternTest } from '../patterns.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Store } from '../store/contract.ts';
import { type TopicPatterns, type TopicPermission, topicPermission } from './topic-access.ts';

/** The user of a broker that is given none, as RabbitMQ's. */
export const defaultLogin = { name: 'guest', password: 'guest' };

export type Access = 'configure' | 'write' | 'read';
export type Permissions = Readonly<Record<Access, string>>;

/** https://www.rabbitmq.com/docs/passwords: the hash of salt and password. Both in base64. */
export interface Password {
  readonly algorithm: 'sha256' | 'sha512';
  readonly salt: string;
  readonly hash: string;
}

interface TopicExchange {
  readonly vhost: string;
  readonly exchange: string;
}

export interface User {
  readonly name: string;
  readonly tags: readonly string[];
  /** undefined: the user has no password, and cannot log in with one. */
  readonly password: Password | undefined;
  /** Virtual host → permissions. */
  readonly permissions: Map<
    string,
    { readonly given: Permissions; readonly tests: Record<Access, (name: string) => boolean> }
  >;
  /** Virtual host → topic exchange → permission. */
  readonly topics: Map<string, Map<string, TopicPermission>>;
}

export class Users {
  readonly all = new Map<string, User>();
  readonly #store: Store | undefined;

  constructor(store: Store | undefined) {
    this.#store = store;
  }

  /**
   * Adds a user, or changes tags and password of one that is there. A password may be given hashed, or as null: then the
   * user has none. undefined: the password stays.
   */
  put({
    name,
    password,
    tags = [],
  }: {
    name: string;
    password?: string | Password | null | undefined;
    tags?: readonly string[] | undefined;
  }): User {
    const known = this.all.get(name);
    const user: User = {
      name,
      tags,
      password:
        password === undefined
          ? known?.password
          : typeof password === 'string'
            ? hashed(password)
            : (password ?? undefined),
      permissions: known?.permissions ?? new Map(),
      topics: known?.topics ?? new Map(),
    };
    this.all.set(name, user);
    this.#store?.define({ kind: 'user', key: name, value: { name, tags, password: user.password ?? null } });
    return user;
  }

  remove(name: string): void {
    const user = this.all.get(name);
    if (user === undefined) return;
    for (const vhost of [...user.permissions.keys(), ...user.topics.keys()]) this.forbid(name, vhost);
    this.all.delete(name);
    this.#store?.undefine('user', name);
  }

  /** Throws a SyntaxError where a regular expression is none. */
  allow(name: string, vhost: string, given: Permissions): void {
    const user = this.all.get(name);
    if (user === undefined) return;
    user.permissions.set(vhost, { given, tests: testsOf(given) });
    this.#store?.define({ kind: 'permission', key: `${vhost}\0${name}`, value: { user: name, vhost, ...given } });
  }

  forbid(name: string, vhost: string): void {
    this.all.get(name)?.permissions.delete(vhost);
    this.#store?.undefine('permission', `${vhost}\0${name}`);
    for (const exchange of [...(this.all.get(name)?.topics.get(vhost)?.keys() ?? [])]) {
      this.forbidTopic(name, { vhost, exchange });
    }
  }

  /** Throws a SyntaxError if a pattern is invalid. */
  allowTopic(name: string, { vhost, exchange }: TopicExchange, { write, read }: TopicPatterns): void {
    const user = this.all.get(name);
    if (user === undefined) return;
    this.#setTopic(user, { vhost, exchange }, { write, read });
    const value = { user: name, vhost, exchange, write, read };
    this.#store?.define({ kind: 'topic-permission', key: `${vhost}\0${name}\0${exchange}`, value });
  }

  forbidTopic(name: string, { vhost, exchange }: TopicExchange): void {
    const topics = this.all.get(name)?.topics;
    topics?.get(vhost)?.delete(exchange);
    if (topics?.get(vhost)?.size === 0) topics.delete(vhost);
    this.#store?.undefine('topic-permission', `${vhost}\0${name}\0${exchange}`);
  }

  #setTopic(user: User, { vhost, exchange }: TopicExchange, given: TopicPatterns): void {
    const permission = topicPermission(given, { username: user.name, vhost });
    const exchanges = user.topics.get(vhost) ?? new Map<string, TopicPermission>();
    user.topics.set(vhost, exchanges.set(exchange, permission));
  }

  /**
   * Returns the user if name and password are right. `peer` is the IP address of the client.
   * RabbitMQ: guest can only connect from this machine (https://www.rabbitmq.com/docs/access-control#loopback-users).
   */
  authenticate(name: string, password: string, peer: string | undefined): User | undefined {
    const user = this.all.get(name);
    if (name === defaultLogin.name && !isLoopback(peer ?? '')) return undefined;
    return user?.password !== undefined && isPassword(password, user.password) ? user : undefined;
  }

  /** Returns the names of the users that anybody could guess the password of: it is the default one. */
  withDefaultPassword(): string[] {
    const all = [...this.all.values()];
    return all.flatMap(({ name, password }) => (password && isPassword(defaultLogin.password, password) ? name : []));
  }

  /** Puts back what the store had kept. */
  recover(kind: string, value: Readonly<Record<string, unknown>>): void {
    if (kind === 'user') {
      this.all.set(String(value['name']), {
        name: String(value['name']),
        tags: value['tags'] as string[],
        password: (value['password'] ?? undefined) as User['password'],
        permissions: new Map(),
        topics: new Map(),
      });
    } else if (kind === 'topic-permission') {
      const { vhost, exchange, write, read } = value as unknown as TopicExchange & TopicPatterns;
      const user = this.all.get(String(value['user']));
      if (user !== undefined) this.#setTopic(user, { vhost, exchange }, { write, read });
    } else {
      const { configure, write, read } = value as unknown as Permissions;
      const given = { configure, write, read };
      this.all.get(String(value['user']))?.permissions.set(String(value['vhost']), { given, tests: testsOf(given) });
    }
  }
}

/** RabbitMQ: to ask whether something is there takes some permission for it, whichever. Throws 403. */
export function assertAnyAccess(user: User, thing: { vhost: string; kind: 'queue' | 'exchange'; name: string }): void {
  const tests = user.permissions.get(thing.vhost)?.tests;
  if (tests?.read(thing.name) === true || tests?.write(thing.name) === true) return;
  assertAccess(user, 'configure', thing);
}

/** Throws 403, with RabbitMQ's text. */
export function assertAccess(
  user: User,
  access: Access,
  { vhost, kind, name }: { vhost: string; kind: 'queue' | 'exchange'; name: string },
): void {
  // RabbitMQ: rules know the default exchange by this name.
  const asked = kind === 'exchange' && name === '' ? 'amq.default' : name;
  if (user.permissions.get(vhost)?.tests[access](asked) === true) return;
  throw new ProtocolError(
    'ACCESS_REFUSED',
    `${access} access to ${kind} '${asked}' in vhost '${vhost}' refused for user '${user.name}'`,
  );
}

function testsOf(given: Permissions): Record<Access, (name: string) => boolean> {
  return { configure: testOf(given.configure), write: testOf(given.write), read: testOf(given.read) };
}

function testOf(pattern: string): (name: string) => boolean {
  if (pattern === '.*') return () => true;
  // RabbitMQ: an empty pattern allows nothing but the empty name.
  return patternTest(pattern === '' ? '^$' : pattern);
}

// RabbitMQ's own way, so that users move with the definitions, there and back.
const saltBytes = 4;

function hashed(password: string): Password {
  const salt = randomBytes(saltBytes);
  return {
    algorithm: 'sha256',
    salt: salt.toString('base64'),
    hash: hashOf('sha256', salt, password).toString('base64'),
  };
}

function isPassword(password: string, { algorithm, salt, hash }: Password): boolean {
  const wanted = Buffer.from(hash, 'base64');
  const given = hashOf(algorithm, Buffer.from(salt, 'base64'), password);
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

function hashOf(algorithm: Password['algorithm'], salt: Buffer, password: string): Buffer {
  return createHash(algorithm).update(salt).update(password).digest();
}
