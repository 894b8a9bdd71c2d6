// Adds and removes the virtual hosts of a broker, and the permissions of users in them.

import type { Store } from '../store/contract.ts';
import type { Users } from './users.ts';
import { type Shared, VirtualHost } from './vhost.ts';

const allPermissions = { configure: '.*', write: '.*', read: '.*' };

export class Vhosts {
  /** Name → virtual host. */
  readonly all = new Map<string, VirtualHost>();
  readonly #shared: Shared;
  readonly #users: Users;
  readonly #store: Store | undefined;
  readonly #removals = new Map<string, Promise<void>>();

  constructor(shared: Shared, users: Users) {
    this.#shared = shared;
    this.#users = users;
    this.#store = shared.store;
  }

  /** Returns the virtual host of this name. Creates it if it does not exist, and grants administrators all permissions in it. */
  add(name: string): VirtualHost {
    const existing = this.all.get(name);
    if (existing !== undefined) return existing;
    const vhost = this.recover(name);
    this.#store?.define({ kind: 'vhost', key: name, value: { name } });
    for (const user of this.#users.all.values()) {
      if (user.tags.includes('administrator')) this.#users.allow(user.name, name, allPermissions);
    }
    return vhost;
  }

  /** Creates a virtual host without writing it to the store. */
  recover(name: string): VirtualHost {
    const vhost = new VirtualHost(name, this.#shared);
    this.all.set(name, vhost);
    return vhost;
  }

  /**
   * Removes a virtual host and calls `disconnect`, which closes its connections. Resolves when its queues, exchanges and
   * bindings are removed too.
   */
  async remove(name: string, disconnect: (vhost: VirtualHost) => void): Promise<void> {
    const vhost = this.all.get(name);
    if (vhost === undefined) return this.#removals.get(name);
    this.all.delete(name);
    for (const user of this.#users.all.values()) this.#users.forbid(user.name, name);
    // If the broker ends before the removal is complete, recovery removes the remaining definitions.
    this.#store?.undefine('vhost', name);
    disconnect(vhost);
    const removal = new Promise<void>((done) => this.#shared.slices.run(vhost.removeAll(), done));
    this.#removals.set(name, removal);
    await removal;
    this.#removals.delete(name);
  }

  /** Grants a user all permissions in each virtual host where the user has none. */
  allow(user: string): void {
    for (const vhost of this.all.keys()) {
      if (this.#users.all.get(user)?.permissions.has(vhost) === false) this.#users.allow(user, vhost, allPermissions);
    }
  }

  enforceLimits(): void {
    for (const vhost of this.all.values()) for (const queue of vhost.queues.values()) queue.enforceLimits();
  }

  /** Stops the timers of all queues. */
  stop(): void {
    for (const vhost of this.all.values()) for (const queue of vhost.queues.values()) queue.stop();
  }
}
