// Adds the users with which a broker starts.

import type { TopicPatterns } from './topic-access.ts';
import type { NewUser, Permissions, Users } from './users.ts';
import type { Vhosts } from './vhosts.ts';

/** A user of the start. Without `permissions`, the user has all permissions in each virtual host. */
export interface InitialUser extends NewUser {
  /** All permissions of the user. A virtual host that does not exist is created. */
  readonly permissions?: readonly ({ readonly vhost: string } & Permissions)[];
  /** All topic permissions of the user. Used only with `permissions`. */
  readonly topicPermissions?: readonly ({ readonly vhost: string; readonly exchange: string } & TopicPatterns)[];
}

/** Returns all patterns, which must be loaded before `addInitialUsers`. */
export function patternsOfUsers(users: readonly InitialUser[]): string[] {
  return users.flatMap(({ permissions = [], topicPermissions = [] }) => [
    ...permissions.flatMap(({ configure, write, read }) => [configure, write, read]),
    ...topicPermissions.flatMap(({ write, read }) => [write, read]),
  ]);
}

/** Adds or changes the users, and creates the virtual host `/`. Throws a SyntaxError if a pattern is invalid. */
export function addInitialUsers(initial: readonly InitialUser[], { users, vhosts }: { users: Users; vhosts: Vhosts }) {
  const named = initial.flatMap(({ permissions = [] }) => permissions.map(({ vhost }) => vhost));
  for (const vhost of new Set(['/', ...named])) vhosts.add(vhost);
  for (const { name, permissions, topicPermissions = [] } of initial) {
    if (permissions === undefined) {
      vhosts.allow(name);
      continue;
    }
    // The user may have other permissions from an earlier start, and an administrator gets some with each virtual host.
    for (const vhost of vhosts.all.keys()) users.forbid(name, vhost);
    for (const { vhost, ...patterns } of permissions) users.allow(name, vhost, patterns);
    for (const { vhost, exchange, ...patterns } of topicPermissions) {
      users.allowTopic(name, { vhost, exchange }, patterns);
    }
  }
}
