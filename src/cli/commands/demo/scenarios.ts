// The six scenarios of the tutorials for `mq demo`: command lines of mq, and the number of lines that they print.

export interface Scenario {
  readonly number: number;
  readonly title: string;
  /** Command lines that run until all lines have been printed. */
  readonly receivers: readonly (readonly string[])[];
  /** Command lines that run one after the other. The last word is the message. */
  readonly senders: readonly (readonly string[])[];
  /** Number of lines that all receivers and senders print together. */
  readonly lines: number;
}

export const scenarios: readonly Scenario[] = [
  {
    number: 1,
    title: 'Hello world: a producer sends, a consumer receives',
    receivers: [['consumer']],
    senders: [['producer', 'Hello World!']],
    lines: 1,
  },
  {
    number: 2,
    title: 'Work queues: workers share the tasks; each dot is a second of work',
    receivers: [['worker'], ['worker']],
    senders: ['a long task.', 'a task', 'another task', 'one more task'].map((text) => ['task', text]),
    lines: 4,
  },
  {
    number: 3,
    title: 'Publish/subscribe: every receiver receives every message',
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
      ['emit-log-direct', 'info', 'a user logged in'],
      ['emit-log-direct', 'error', 'the disk is full'],
    ],
    lines: 3,
  },
  {
    number: 5,
    title: 'Topics: receivers choose by pattern; * is one word, # is any number of words',
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
    title: 'RPC: a client sends a request, a server replies',
    receivers: [['rpc-server']],
    senders: [['rpc-client', '30']],
    // The server prints the request that it answered, and the client prints the answer.
    lines: 2,
  },
];
