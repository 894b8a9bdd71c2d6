// Rascal 21.0.1 does not return the vhosts that it creates (lib/amqp/Vhost.js). mq needs them, because their getChannel
// and getConfirmChannel wait while the vhost is disconnected. `createBroker(config, { mqVhosts })` fills the map
// `mqVhosts`.

import type { RascalVhost, RascalVhostConfig } from 'rascal/lib/amqp/Vhost.js';
import Vhost from 'rascal/lib/amqp/Vhost.js';

export interface CreatedVhost {
  readonly vhost: RascalVhost;
  readonly config: RascalVhostConfig;
}

const createVhost = Vhost.create;
Vhost.create = (config, components: { mqVhosts?: Map<string, CreatedVhost> }, next) => {
  createVhost(config, components, (error, vhost) => {
    if (vhost) components.mqVhosts?.set(vhost.name, { vhost, config });
    next(error, vhost);
  });
};
