// Lists what the simulation has found: each entry failed once. regressions-run.ts runs them.

import type { Plan } from './plan.ts';
import { simulatedFolder } from './world/file-system.ts';

export interface Regression {
  readonly title: string;
  readonly cause: string;
  readonly plan: Plan;
}

/** A command that must end, whenever it loses its broker, or receives two signals. */
export interface EndingRegression {
  readonly title: string;
  readonly cause: string;
  readonly args: readonly string[];
  /** The queue `work` of its rascal.json is a quorum queue, and the existing one is a classic queue. */
  readonly hasOtherQueue?: true;
  /** Number of its events from one loss to the next one. Default 1. */
  readonly everyEvents?: number;
  /** Statuses of its answer, if it has done its work before. */
  readonly verdicts?: readonly number[];
  /** Lines of standard input, which stays open. */
  readonly lines: readonly string[];
  readonly loss: Loss;
}

/** `silence`: the broker does not answer any more, and the command receives two signals. */
export type Loss = 'vhost removed' | 'broker killed' | 'silence';

const small: Omit<Plan, 'seed' | 'publishers' | 'consumers' | 'faults'> = {
  broker: 'memory',
  store: { segmentBytes: 1_000_000, slackBytes: 1_000_000 },
  queueType: 'classic',
  attempts: 3,
  delays: [100, 1000],
  onFail: 'retry',
  heartbeat: 10,
  handlerTimeoutMs: 5000,
  network: { minMs: 0.05, maxMs: 20, segmentBytes: 65_536, bufferBytes: 262_144 },
  eventMs: 0.01,
};

export const regressions: readonly Regression[] = [
  {
    title: 'consumes after a lost connection during its start',
    cause: 'a pause of node:timers/promises took real time, in which 20 virtual minutes passed (session/declaring)',
    plan: {
      ...small,
      seed: 1093,
      publishers: [{ host: 'p0', window: 256, everyMs: 0, messages: [{ id: 'p0-0', ways: ['ack'], ms: 0, bytes: 0 }] }],
      consumers: [{ host: 'c0', prefetch: 10, concurrency: 1, drainMs: 1000 }],
      faults: [370, 380, 390, 400, 410, 420, 430, 440].map((at) => ({
        ...{ fault: 'connection cut', at, holdMs: 1000, target: at, events: 0 },
      })),
    },
  },
  {
    title: 'keeps a delayed message while its exchange has no binding',
    cause: 'the fault dropped dead letters that a broker keeps until they have a route (faults.ts)',
    plan: {
      ...small,
      seed: 300224,
      publishers: [
        {
          ...{ host: 'p0', window: 1, everyMs: 0, delayMs: 1 },
          messages: [{ id: 'p0-0', ways: ['ack'], ms: 0, bytes: 0 }],
        },
      ],
      consumers: [{ host: 'c0', prefetch: 1, concurrency: 1, drainMs: 25_000 }],
      faults: [{ fault: 'queue unbound', at: 5, holdMs: 5000, target: 0, events: 0 }],
    },
  },
  {
    title: 'counts a refused reply as a failed attempt',
    cause: 'a refused reply ended the replier, which received the same request again after its start (replies.ts)',
    plan: {
      ...small,
      seed: 1000304,
      queueType: 'quorum',
      network: { ...small.network, maxMs: 1 },
      publishers: [{ host: 'p0', window: 1, everyMs: 0, messages: [] }],
      consumers: [{ host: 'c0', prefetch: 1, concurrency: 1, drainMs: 1000 }],
      requesters: [
        {
          ...{ host: 'q0', window: 1, everyMs: 0, replyTimeoutMs: 1, ownQueue: true },
          messages: [{ id: 'q0-0', ways: ['ack'], ms: 0, bytes: 0 }],
        },
      ],
      repliers: [{ host: 'r0', prefetch: 1, concurrency: 1, drainMs: 1000 }],
      faults: [{ fault: 'publishes refused', at: 18, holdMs: 30_000, target: 0, events: 0 }],
    },
  },
  {
    title: 'keeps a message whose program started too late for its deadline',
    cause: 'the wait for a start of the program used up an attempt, and --on-fail drop dropped the message (exec.ts)',
    plan: {
      ...small,
      seed: 2002551,
      onFail: 'drop',
      publishers: [
        { host: 'p0', window: 1, everyMs: 0, messages: [{ id: 'p0-0', ways: ['ack'], ms: 1000, bytes: 0 }] },
      ],
      consumers: [{ host: 'c0', prefetch: 1, concurrency: 1, drainMs: 1000, handler: 'exec' }],
      faults: [{ fault: 'programs cannot start', at: 5, holdMs: 4200, target: 1, events: 3 }],
    },
  },
  {
    title: 'a reader does not take a stream on a slow disk for a new one',
    cause:
      'two answers after more than a second counted as an empty stream, and the role ended with 78 (stream-reading.ts)',
    plan: {
      ...small,
      seed: 19030,
      broker: 'disk',
      publishers: [{ host: 'p0', window: 1, everyMs: 0, messages: [{ id: 'p0-0', ways: ['ack'], ms: 0, bytes: 0 }] }],
      consumers: [{ host: 'c0', prefetch: 1, concurrency: 1, drainMs: 1000 }],
      stream: {
        segmentBytes: 1_000_000,
        publisher: { host: 's0', window: 1, everyMs: 0, messages: [{ id: 's0-0', ways: ['ack'], ms: 0, bytes: 0 }] },
        readers: [{ host: 't0', prefetch: 1, concurrency: 1, drainMs: 1000, stop: { idleMs: 500 }, offsets: 'file' }],
      },
      faults: [{ fault: 'disk slow', at: 5000, holdMs: 60_000, target: 1, events: 0 }],
    },
  },
  {
    title: 'a publisher that ends while it connects again leaves no timer',
    cause: 'the pauses before the next connection and the next channel kept the process alive (publisher.ts)',
    plan: {
      ...small,
      seed: 96,
      broker: 'cluster',
      network: { ...small.network, maxMs: 1 },
      publishers: [
        { host: 'p0', window: 1, everyMs: 1000, messages: [{ id: 'p0-0', ways: ['ack'], ms: 0, bytes: 0 }] },
      ],
      consumers: [{ host: 'c0', prefetch: 1, concurrency: 1, drainMs: 25_000 }],
      faults: [{ fault: 'node drained', at: 926, holdMs: 0, target: 0, events: 0 }],
    },
  },
  {
    title: 'mq apply --replace creates a queue that no role has declared',
    cause: 'the queues of --replace were left out of those that are created (apply/replacing.ts)',
    plan: {
      ...small,
      seed: 517,
      publishers: [{ host: 'p0', window: 1, everyMs: 0, messages: [{ id: 'p0-0', ways: ['ack'], ms: 0, bytes: 0 }] }],
      consumers: [{ host: 'c0', prefetch: 1, concurrency: 1, drainMs: 25_000 }],
      replacement: { at: 2, applyAfterMs: 0, change: 'argument', kills: [] },
      // The roles have not declared the queue when mq apply makes its plan.
      faults: [0, 1].map((target) => ({ fault: 'role frozen', at: 3, holdMs: 20_000, target, events: 0 })),
    },
  },
  ...[5, 29].map((events) => ({
    title: `a recording is read again after a full disk and a loss of power (event ${events})`,
    cause: 'the first line was not synced (writer.ts), and --map was refused without a message (replay.ts)',
    plan: {
      ...small,
      seed: 40010832,
      publishers: [{ host: 'p0', window: 1, everyMs: 0, messages: [] }],
      consumers: [{ host: 'c0', prefetch: 10, concurrency: 1, drainMs: 1000 }],
      recording: {
        publisher: {
          ...{ host: 'v0', window: 1, everyMs: 0 },
          messages: [0, 1, 2].map((number) => ({ id: `v0-${number}`, ways: ['ack' as const], ms: 0, bytes: 0 })),
        },
        ...{ at: 100, mostBytes: [700], to: 'exchange:work' as const },
        ends: [
          { events: 100_000, isPowerLoss: false },
          { events, isPowerLoss: true },
        ],
      },
      faults: [],
    },
  })),
];

/** A replacement of a queue, which is killed after a number of its events and made again. */
export const killedReplacement: Regression & { readonly mostEvents: number } = {
  title: 'a replacement of a queue that is killed at any event is finished by the next run',
  cause: 'a promise of planning.md',
  mostEvents: 320,
  plan: {
    ...small,
    seed: 7,
    publishers: [
      {
        ...{ host: 'p0', window: 16, everyMs: 500 },
        messages: Array.from({ length: 20 }, (_, index) => ({ id: `p0-${index}`, ways: ['ack'], ms: 0, bytes: 10 })),
      },
    ],
    consumers: [{ host: 'c0', prefetch: 10, concurrency: 1, drainMs: 1000 }],
    replacement: { at: 1500, applyAfterMs: 500, change: 'type', kills: [] },
    faults: [],
  },
};

const waited = 'a request for a channel waits in Rascal until it is connected, which a fatal connection never is';

export const endingRegressions: readonly EndingRegression[] = [
  {
    title: 'a consumer ends when its vhost is removed during its start',
    cause: waited,
    args: ['subscribe', 'work', '--handler', 'HANDLER'],
    lines: [],
    loss: 'vhost removed',
  },
  {
    title: 'a consumer with a limit for reconnects ends without a broker',
    cause: waited,
    args: ['subscribe', 'work', '--handler', 'HANDLER', '--max-reconnect', '2'],
    lines: [],
    loss: 'broker killed',
  },
  {
    title: 'requests end when their vhost is removed',
    cause: 'mq request waited for more input, and for replies that could not arrive',
    args: ['request', 'work', '--lines', '--timeout', '10000'],
    lines: ['one', 'two'],
    loss: 'vhost removed',
  },
  {
    title: 'a delayed message does not wait for its broker without a limit',
    cause: 'a declaration had no time limit while the connection was lost (broker-connection.ts)',
    args: ['publish', 'work', 'one', '--delay', '5s'],
    lines: [],
    loss: 'broker killed',
  },
  {
    title: 'a tap ends when its broker is gone before it is bound',
    cause: 'the session of a tap connected again for ever',
    args: ['tap', 'logs'],
    lines: [],
    loss: 'broker killed',
  },
  {
    title: 'a tap reports a vhost that is removed before it is bound',
    cause: 'the error of a request for a channel was not an MqError, so it was reported as a bug in mq',
    args: ['tap', 'logs'],
    lines: [],
    loss: 'vhost removed',
  },
  ...[
    ['peek', 'work'],
    ['dlq', 'list', 'work'],
    ['dlq', 'replay', 'work'],
    ['delayed', 'list'],
    ['declare'],
    ['record', '-', 'amq.topic'],
    ['record', '-', '--from', 'work'],
    ['record', `${simulatedFolder}/r.ndjson`, '--from', 'work', '--remove'],
    ['tap', 'amq.topic'],
    ['apply', '--yes'],
  ].map(
    (args): EndingRegression => ({
      title: `two signals end mq ${args.join(' ')}`,
      cause: 'the requests of a session that was aborted never failed (patches/sockets.ts, connections.ts)',
      args,
      lines: [],
      loss: 'silence',
    }),
  ),
  {
    title: 'two signals end mq plan',
    cause: 'the requests of a session that was aborted never failed (patches/sockets.ts, connections.ts)',
    args: ['plan'],
    verdicts: [1],
    lines: [],
    loss: 'silence',
  },
  {
    title: 'two signals end mq apply --replace',
    cause: 'the session of mq apply did not know the signals',
    args: ['apply', '--yes', '--replace', 'work'],
    hasOtherQueue: true,
    everyEvents: 6,
    lines: [],
    loss: 'silence',
  },
];
