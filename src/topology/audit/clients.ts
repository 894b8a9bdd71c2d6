// Finds connections and channels with settings that a version refuses.

import { objectOf, type Plain, stringOf } from '../../config/plain.ts';
import type { Target } from '../../config/target.ts';
import { type AuditFinding, severityOf } from './finding.ts';

/** RabbitMQ 4.1: minimum of the negotiated frame_max, because a token of OAuth 2 must fit in a frame. */
const leastFrameMax = 8192;

/** First release of a client (its `product`) that requests a sufficient frame_max by default: amqp-node/amqplib#791. */
const sufficientReleases: Readonly<Record<string, string>> = { amqplib: 'amqplib 0.10.7 or newer' };

/** Returns the connections whose clients could not connect to RabbitMQ 4.1 or newer. */
export function connectionFindings(connections: readonly Plain[], target: Target): AuditFinding[] {
  return connections.flatMap((connection) => {
    const { frame_max: frameMax, protocol, vhost, name } = connection;
    // 0 means no limit. Other protocols have no minimum.
    const isSmall = typeof frameMax === 'number' && frameMax > 0 && frameMax < leastFrameMax;
    if (!isSmall || protocol !== 'AMQP 0-9-1') return [];
    const { product, version } = objectOf(connection['client_properties']);
    const client = [product, version].filter((text) => typeof text === 'string').join(' ');
    const release = sufficientReleases[stringOf(product) ?? ''];
    return [
      {
        code: 'small-frame-max',
        severity: severityOf(target === '4.3'),
        kind: 'connection',
        name: stringOf(connection['user_provided_name']) ?? stringOf(name) ?? '',
        vhost: stringOf(vhost) ?? '',
        message: `the client${client === '' ? '' : ` (${client})`} of the user '${stringOf(connection['user'])}' requests frame_max ${frameMax}; RabbitMQ 4.1 refuses less than ${leastFrameMax}`,
        instead: `${release === undefined ? '' : `${release}, or `}frame_max ${leastFrameMax} or more (default 131072)`,
      },
    ];
  });
}

/** Returns the channels with a limit for all their consumers. RabbitMQ 4 does not report it, 3.13 does. */
export function channelFindings(channels: readonly Plain[]): AuditFinding[] {
  return channels.flatMap(({ name, vhost, user, global_prefetch_count: count }) => {
    if (typeof count !== 'number' || count === 0) return [];
    return [
      {
        code: 'global-prefetch',
        severity: 'warning',
        kind: 'channel',
        name: stringOf(name) ?? '',
        vhost: stringOf(vhost) ?? '',
        message: `the user '${stringOf(user)}' limits the whole channel to ${count} messages; RabbitMQ 4.3 applies this limit to each consumer`,
        instead: `basic.qos with global = false and prefetch ${count}`,
      },
    ];
  });
}
