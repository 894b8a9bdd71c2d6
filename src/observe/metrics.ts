// Formats the counters of a run for Prometheus (text format 0.0.4):
// https://prometheus.io/docs/instrumenting/exposition_formats/

import type { Counts, Histogram } from '../session/counts.ts';

/** Values that are measured on request and not counted. */
interface Gauges {
  readonly role: string;
  readonly isReady: boolean;
  /** Start time in seconds since 1970. */
  readonly startedAt: number;
  /** Longest event-loop delay since the last request, in seconds. */
  readonly eventLoopLag: number;
  readonly heapBytes: number;
}

/** Content-Type of the text. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

type Row = readonly [name: string, type: 'counter' | 'gauge', help: string, value: (counts: Counts) => number];

const rows: readonly Row[] = [
  ['received_total', 'counter', 'Messages that were delivered', ({ received }) => received],
  ['handled_total', 'counter', 'Messages whose handler has ended, with any outcome', ({ handled }) => handled],
  ['acked_total', 'counter', 'Messages that were handled and acknowledged', ({ acked }) => acked],
  ['retried_total', 'counter', 'Messages sent to a wait queue', ({ retried }) => retried],
  ['dead_lettered_total', 'counter', 'Messages sent to a dead-letter queue', ({ deadLettered }) => deadLettered],
  ['rejected_total', 'counter', 'Messages rejected without requeue', ({ rejected }) => rejected],
  [
    'handed_back_total',
    'counter',
    'Messages that were returned to the broker unfinished',
    ({ handedBack }) => handedBack,
  ],
  ['stale_acks_total', 'counter', 'Acknowledgements dropped because their channel was closed', ({ stale }) => stale],
  ['published_total', 'counter', 'Messages passed to a publisher, including replies and retries', (c) => c.attempted],
  ['confirmed_total', 'counter', 'Published messages that the broker confirmed', ({ confirmed }) => confirmed],
  ['refused_total', 'counter', 'Published messages that the broker refused or returned', ({ refused }) => refused],
  ['in_doubt_total', 'counter', 'Published messages whose outcome is unknown', ({ inDoubt }) => inDoubt],
  ['unconfirmed', 'gauge', 'Published messages whose confirm is pending', (c) => unconfirmed(c)],
  ['connections_lost_total', 'counter', 'Connections that were lost', ({ lost }) => lost],
  ['reconnects_total', 'counter', 'Lost connections that were restored', ({ reconnected }) => reconnected],
  ['connected', 'gauge', '1 if every connection of the role is open', (c) => Number(isConnected(c))],
  ['blocked', 'gauge', '1 while the broker blocks publishing', ({ blocked }) => Number(blocked > 0)],
  ['consumers', 'gauge', 'Consumers that are attached', ({ consumers }) => consumers],
  ['needed_consumers', 'gauge', 'Consumers that the role needs', ({ neededConsumers }) => neededConsumers],
  ['publishers', 'gauge', 'Channels that messages can be published on', ({ publishers }) => publishers],
  ['in_flight', 'gauge', 'Messages that handlers are processing', ({ inFlight }) => inFlight],
];

export function metricsText(counts: Counts, gauges: Gauges): string {
  const role = gauges.role.replace(/[\\"\n]/g, (special) => (special === '\n' ? '\\n' : `\\${special}`));
  return [
    ...metric('info', 'gauge', 'The role of this process', `mq_info{role="${role}"} 1`),
    ...rows.flatMap(([name, type, help, value]) => metric(name, type, help, `mq_${name} ${value(counts)}`)),
    ...histogram('handler_seconds', 'Duration of handler calls', counts.handlerSeconds),
    ...metric('ready', 'gauge', '1 if /readyz answers 200', `mq_ready ${Number(gauges.isReady)}`),
    ...metric(
      'start_time_seconds',
      'gauge',
      'Start time of the role in seconds since 1970',
      `mq_start_time_seconds ${gauges.startedAt}`,
    ),
    ...metric(
      'event_loop_lag_seconds',
      'gauge',
      'The longest event-loop delay since the last request',
      `mq_event_loop_lag_seconds ${gauges.eventLoopLag}`,
    ),
    ...metric('heap_bytes', 'gauge', 'Memory of objects in use', `mq_heap_bytes ${gauges.heapBytes}`),
    '',
  ].join('\n');
}

/** Returns `true` if all required connections are open, and at least one is required. */
export function isConnected({ connections, connected }: Counts): boolean {
  return connections > 0 && connected >= connections;
}

function unconfirmed({ attempted, confirmed, refused, inDoubt }: Counts): number {
  return attempted - confirmed - refused - inDoubt;
}

function metric(name: string, type: string, help: string, ...samples: string[]): string[] {
  return [`# HELP mq_${name} ${help}`, `# TYPE mq_${name} ${type}`, ...samples];
}

/** Formats a histogram. Prometheus buckets are cumulative: each includes all values up to its bound. */
function histogram(name: string, help: string, { bounds, counts, sum }: Histogram): string[] {
  let total = 0;
  const buckets = counts.map((count, at) => {
    total += count;
    return `mq_${name}_bucket{le="${bounds[at] ?? '+Inf'}"} ${total}`;
  });
  return metric(name, 'histogram', help, ...buckets, `mq_${name}_sum ${sum}`, `mq_${name}_count ${total}`);
}
