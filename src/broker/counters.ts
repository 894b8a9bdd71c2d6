// The counters that the management API reports, with RabbitMQ's names.

/** Returns the counters of a channel, a queue or a virtual host. `deliver_get` is the sum of the four counters after it. */
export const messageCounters = () => ({
  publish: 0,
  confirm: 0,
  return_unroutable: 0,
  drop_unroutable: 0,
  deliver_get: 0,
  deliver: 0,
  deliver_no_ack: 0,
  get: 0,
  get_no_ack: 0,
  get_empty: 0,
  redeliver: 0,
  ack: 0,
});

export type MessageCounters = ReturnType<typeof messageCounters>;

/** Counts one message that a queue delivers to a client. */
export function countDelivery(
  counters: MessageCounters,
  kind: 'deliver' | 'deliver_no_ack' | 'get' | 'get_no_ack',
  redelivered: boolean,
): void {
  counters.deliver_get++;
  // A computed name would cost several times as much.
  switch (kind) {
    case 'deliver':
      counters.deliver++;
      break;
    case 'deliver_no_ack':
      counters.deliver_no_ack++;
      break;
    case 'get':
      counters.get++;
      break;
    case 'get_no_ack':
      counters.get_no_ack++;
  }
  if (redelivered) counters.redeliver++;
}

/** Returns the counters of the whole broker. */
export const churnCounters = () => ({
  connection_created: 0,
  connection_closed: 0,
  channel_created: 0,
  channel_closed: 0,
  queue_declared: 0,
  queue_created: 0,
  queue_deleted: 0,
});

export type ChurnCounters = ReturnType<typeof churnCounters>;
