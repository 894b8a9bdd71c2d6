// Finds out from rascal.json whether a message is routed to a stream, because a stream does not keep all headers.

import { type BindingConfig, type Config, namePrefix, queueType, type VhostConfig } from '../../config/config.ts';
import { covers } from '../watching/topic-pattern.ts';

/** Returns the name of a stream that receives the message, by the broker's names. `undefined` if none is known. */
export type StreamOf = (exchange: string, routingKey: string) => string | undefined;

/** Returns `undefined` if rascal.json has no stream in the vhost. */
export function streamOf(config: Config, vhostName: string): StreamOf | undefined {
  const vhost = config.vhosts[vhostName];
  const streams = Object.entries(vhost?.queues ?? {}).filter(([, queue]) => queueType(queue) === 'stream');
  if (vhost === undefined || streams.length === 0) return undefined;
  const routes = new Routes(vhost, new Set(streams.map(([name]) => name)));
  return (exchange, routingKey) => routes.stream(exchange, routingKey);
}

class Routes {
  readonly #vhost: VhostConfig;
  readonly #prefix: string;
  /** Names of the streams as in rascal.json. */
  readonly #streams: ReadonlySet<string>;

  constructor(vhost: VhostConfig, streams: ReadonlySet<string>) {
    this.#vhost = vhost;
    this.#prefix = namePrefix(vhost);
    this.#streams = streams;
  }

  stream(exchange: string, routingKey: string): string | undefined {
    if (exchange !== '') return this.#behind(this.#ownName(exchange), routingKey, new Set());
    return this.#streams.has(this.#ownName(routingKey)) ? routingKey : undefined;
  }

  /** Follows the bindings of an exchange. `visited` contains the exchanges that were followed before. */
  #behind(exchange: string, routingKey: string, visited: Set<string>): string | undefined {
    if (visited.has(exchange)) return undefined;
    visited.add(exchange);
    const { bindings, otherBindings = [] } = this.#vhost;
    for (const binding of [...bindings, ...otherBindings]) {
      if (binding.source !== exchange || !this.#matches(binding, routingKey)) continue;
      const { destination, destinationType } = binding;
      if (destinationType === 'exchange') {
        const found = this.#behind(destination, routingKey, visited);
        if (found !== undefined) return found;
      } else if (this.#streams.has(destination)) return this.#prefix + destination;
    }
    return undefined;
  }

  /** Reports whether a binding certainly matches. Headers and plugin exchanges depend on more than the routing key. */
  #matches({ source, bindingKey, qualifyBindingKeys }: BindingConfig, routingKey: string): boolean {
    const key = qualifyBindingKeys === true && bindingKey !== '' ? this.#prefix + bindingKey : bindingKey;
    switch (this.#vhost.exchanges[source]?.type ?? 'topic') {
      case 'fanout':
        return true;
      case 'direct':
        return key === routingKey;
      case 'topic':
        return covers(key, routingKey);
      default:
        return false;
    }
  }

  #ownName(name: string): string {
    return name.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : name;
  }
}
