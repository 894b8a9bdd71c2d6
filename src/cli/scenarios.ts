// The six scenarios of the tutorials, as `mq demo` plays them: command lines of mq, and how many lines they print.

export interface Scenario {
  readonly number: number;
  readonly title: string;
  /** Command lines that run until all lines have come. */
  readonly receivers: readonly (readonly string[])[];
  /** Command lines, one after the other; the last word is what is sent. */
  readonly senders: readonly (readonly string[])[];
  /** How many lines all of them print together. */
  readonly lines: number;
}

export const scenarios: readonly Scenario[] = [
  {
    number: 1,
    title: 'Hello world: one sends, one receives',
    receivers: [['consumer']],
    senders: [['producer', 'Hello World!']],
    lines: 1,
  },
  {
    number: 2,
    title: 'Work queues: who is free takes the next task; a dot is a second of work',
    receivers: [['worker'], ['worker']],
    senders: ['a long task.', 'a task', 'another task', 'one more task'].map((text) => ['task', text]),
    lines: 4,
  },
  {
    number: 3,
    title: 'Publish/subscribe: every receiver gets every message',
    receivers: [['receive-logs'], ['receive-logs']],
    senders: [['emit-log', 'info: the server has started']],
    lines: 2,
  },
  {
    number: 4,
    title: 'Routing: receivers choose by severity',
    receivers: [
      ['receive-logs-direct', 'error'],
      ['receive-logs-direct', 'info', 'warning', 'error'],
    ],
    senders: [
      ['emit-log-direct', 'info', 'a user came in'],
      ['emit-log-direct', 'error', 'the disk is full'],
    ],
    lines: 3,
  },
  {
    number: 5,
    title: 'Topics: receivers choose by pattern; * is one word, # is any number of them',
    receivers: [
      ['receive-logs-topic', 'kern.*'],
      ['receive-logs-topic', '*.critical'],
      ['receive-logs-topic', '#'],
    ],
    senders: [
      ['emit-log-topic', 'kern.critical', 'a kernel error'],
      ['emit-log-topic', 'auth.info', 'a login'],
    ],
    lines: 4,
  },
  {
    number: 6,
    title: 'RPC: a client asks, a server answers',
    receivers: [['rpc-server']],
    senders: [['rpc-client', '30']],
    // The server prints the requests it has answered, the client the answer.
    lines: 2,
  },
];
