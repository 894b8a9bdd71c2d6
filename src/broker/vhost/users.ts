// The users of the broker: their passwords, and their permissions. A permission consists of three regular
// expressions for one virtual host, which are matched against the names of queues and exchanges.

import { isLoopback } from '../loopback.ts';
import { patternTest } from '../patterns.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Store } from '../store/contract.ts';
import { hashed, isPassword, type Password } from './password.ts';
import { type TopicPatterns, type TopicPermission, topicPermission } from './topic-access.ts';

/** RabbitMQ's default user. A broker that is started without users has this one. */
export const defaultLogin = { name: 'guest', password: 'guest' };

export type Access = 'configure' | 'write' | 'read';
export type Permissions = Readonly<Record<Access, string>>;

/** A user to add or to change. */
export interface NewUser {
  readonly name: string;
  readonly password?: string | Password | null | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Defaults to the current value, otherwise to `false`. */
  readonly hasToken?: boolean;
}

interface TopicExchange {
  readonly vhost: string;
  readonly exchange: string;
}

export interface User {
  readonly name: string;
  readonly tags: readonly string[];
  /** `undefined` if the user cannot log in with a password. */
  readonly password: Password | undefined;
  /** `true` if the password is a token: connection.update-secret then accepts only the current password. */
  readonly hasToken: boolean;
  /** Virtual host → permissions. */
  readonly permissions: Map<
    string,
    { readonly patterns: Permissions; readonly tests: Record<Access, (name: string) => boolean> }
  >;
  /** Virtual host → topic exchange → permission. */
  readonly topics: Map<string, Map<string, TopicPermission>>;
}

/** A user, or one of the user's permissions, in the form in which it is stored. */
export type UserDefinition = { readonly key: string } & (
  | {
      readonly kind: 'user';
      readonly value: {
        readonly name: string;
        readonly tags: readonly string[];
        readonly password: Password | null;
        readonly hasToken?: boolean;
      };
    }
  | { readonly kind: 'permission'; readonly value: { readonly user: string; readonly vhost: string } & Permissions }
  | { readonly kind: 'topic-permission'; readonly value: { readonly user: string } & TopicExchange & TopicPatterns }
);

export class Users {
  readonly all = new Map<string, User>();
  readonly #store: Store | undefined;

  constructor(store: Store | undefined) {
    this.#store = store;
  }

  /**
   * Adds a user, or changes the tags and the password of a user. `password` is a plain password or a hash. `null` removes
   * the password, and `undefined` keeps it.
   */
  put({ name, password, tags = [], hasToken: isToken }: NewUser): User {
    const known = this.all.get(name);
    const hasToken = isToken ?? known?.hasToken ?? false;
    const user: User = {
      name,
      tags,
      password:
        password === undefined
          ? known?.password
          : typeof password === 'string'
            ? hashed(password)
            : (password ?? undefined),
      hasToken,
      permissions: known?.permissions ?? new Map(),
      topics: known?.topics ?? new Map(),
    };
    this.all.set(name, user);
    const value = { name, tags, password: user.password ?? null, ...(hasToken && { hasToken }) };
    this.#define({ kind: 'user', key: name, value });
    return user;
  }

  remove(name: string): void {
    const user = this.all.get(name);
    if (user === undefined) return;
    for (const vhost of [...user.permissions.keys(), ...user.topics.keys()]) this.forbid(name, vhost);
    this.all.delete(name);
    this.#store?.undefine('user', name);
  }

  /** Sets the permissions of a user in a virtual host. Throws a SyntaxError if a regular expression is invalid. */
  allow(name: string, vhost: string, patterns: Permissions): void {
    const user = this.all.get(name);
    if (user === undefined) return;
    user.permissions.set(vhost, { patterns, tests: testsOf(patterns) });
    this.#define({ kind: 'permission', key: `${vhost}\0${name}`, value: { user: name, vhost, ...patterns } });
  }

  /** Removes all permissions of a user in a virtual host. */
  forbid(name: string, vhost: string): void {
    this.all.get(name)?.permissions.delete(vhost);
    this.#store?.undefine('permission', `${vhost}\0${name}`);
    for (const exchange of [...(this.all.get(name)?.topics.get(vhost)?.keys() ?? [])]) {
      this.forbidTopic(name, { vhost, exchange });
    }
  }

  /** Sets the permissions of a user for the routing keys of a topic exchange. Throws a SyntaxError if a pattern is invalid. */
  allowTopic(name: string, { vhost, exchange }: TopicExchange, { write, read }: TopicPatterns): void {
    const user = this.all.get(name);
    if (user === undefined) return;
    this.#setTopic(user, { vhost, exchange }, { write, read });
    const value = { user: name, vhost, exchange, write, read };
    this.#define({ kind: 'topic-permission', key: `${vhost}\0${name}\0${exchange}`, value });
  }

  forbidTopic(name: string, { vhost, exchange }: TopicExchange): void {
    const topics = this.all.get(name)?.topics;
    topics?.get(vhost)?.delete(exchange);
    if (topics?.get(vhost)?.size === 0) topics.delete(vhost);
    this.#store?.undefine('topic-permission', `${vhost}\0${name}\0${exchange}`);
  }

  #setTopic(user: User, { vhost, exchange }: TopicExchange, patterns: TopicPatterns): void {
    const permission = topicPermission(patterns, { username: user.name, vhost });
    const exchanges = user.topics.get(vhost) ?? new Map<string, TopicPermission>();
    user.topics.set(vhost, exchanges.set(exchange, permission));
  }

  /** Returns the user if name and password are correct. `peer` is the IP address of the client. */
  authenticate(name: string, password: string, peer: string | undefined): User | undefined {
    const user = this.identified(name, peer);
    return user?.password !== undefined && isPassword(password, user.password) ? user : undefined;
  }

  /** Returns the user with a token that has this token. `peer` is the IP address of the client. */
  withToken(token: string, peer: string | undefined): User | undefined {
    const withTokens = [...this.all.values()].filter(({ hasToken }) => hasToken);
    return withTokens.map(({ name }) => this.authenticate(name, token, peer)).find((user) => user !== undefined);
  }

  /**
   * Returns the user whose name a certificate has proven. `peer` is the IP address of the client.
   * RabbitMQ: guest can log in from this machine only (https://www.rabbitmq.com/docs/access-control#loopback-users).
   */
  identified(name: string, peer: string | undefined): User | undefined {
    return name === defaultLogin.name && !isLoopback(peer ?? '') ? undefined : this.all.get(name);
  }

  /**
   * Checks the new secret of connection.update-secret. RabbitMQ: its internal backend accepts any secret, because passwords
   * do not expire. Its OAuth 2 backend checks the secret, so a user with a token behaves like one of OAuth 2.
   */
  acceptsSecret(name: string, secret: Buffer): boolean {
    const user = this.all.get(name);
    if (user?.hasToken !== true) return true;
    return user.password !== undefined && isPassword(secret.toString('utf8'), user.password);
  }

  /** Returns the names of the users that have the default password. */
  withDefaultPassword(): string[] {
    const all = [...this.all.values()];
    return all.flatMap(({ name, password }) => (password && isPassword(defaultLogin.password, password) ? name : []));
  }

  /** Adds a user or a permission from the store. Throws a SyntaxError if a pattern is invalid. */
  recover(definition: UserDefinition): void {
    const { kind, value } = definition;
    if (kind === 'user') {
      const { name, tags, password, hasToken = false } = value;
      const none = { permissions: new Map(), topics: new Map() };
      this.all.set(name, { name, tags, password: password ?? undefined, hasToken, ...none });
      return;
    }
    const user = this.all.get(value.user);
    if (user === undefined) return;
    if (kind === 'topic-permission') this.#setTopic(user, value, { write: value.write, read: value.read });
    else {
      const patterns = { configure: value.configure, write: value.write, read: value.read };
      user.permissions.set(value.vhost, { patterns, tests: testsOf(patterns) });
    }
  }

  #define(definition: UserDefinition): void {
    this.#store?.define(definition);
  }
}

/** Throws 403 if the user has no permission for the queue or exchange. RabbitMQ: any permission allows a passive declaration. */
export function assertAnyAccess(user: User, thing: { vhost: string; kind: 'queue' | 'exchange'; name: string }): void {
  const tests = user.permissions.get(thing.vhost)?.tests;
  if (tests?.read(thing.name) === true || tests?.write(thing.name) === true) return;
  assertAccess(user, 'configure', thing);
}

/** Throws 403 with RabbitMQ's text if the user does not have the permission. */
export function assertAccess(
  user: User,
  access: Access,
  { vhost, kind, name }: { vhost: string; kind: 'queue' | 'exchange'; name: string },
): void {
  // RabbitMQ: this is the name of the default exchange in permissions.
  const resource = kind === 'exchange' && name === '' ? 'amq.default' : name;
  if (user.permissions.get(vhost)?.tests[access](resource) === true) return;
  throw new ProtocolError(
    'ACCESS_REFUSED',
    `${access} access to ${kind} '${resource}' in vhost '${vhost}' refused for user '${user.name}'`,
  );
}

function testsOf({ configure, write, read }: Permissions): Record<Access, (name: string) => boolean> {
  return { configure: testOf(configure), write: testOf(write), read: testOf(read) };
}

function testOf(pattern: string): (name: string) => boolean {
  if (pattern === '.*') return () => true;
  // RabbitMQ: an empty pattern matches the empty name only.
  return patternTest(pattern === '' ? '^$' : pattern);
}
