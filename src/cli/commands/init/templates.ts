// The files that `mq init` writes: small configurations that work unchanged, one for each way to use a queue.

import { deadQueue } from '../../../config/retry-queues.ts';

export const templateNames = ['worker', 'rpc', 'topic', 'logs'] as const;
export type TemplateName = (typeof templateNames)[number];

interface Template {
  readonly summary: string;
  readonly content: unknown;
  /** Commands to try the file, with their descriptions. */
  readonly steps: readonly (readonly [command: string, what: string])[];
}

/**
 * Returns a quorum queue and its dead-letter queue. With three nodes, confirmed messages survive the loss of a node.
 * The broker itself also moves messages to the dead-letter queue. Without that queue, it would drop a message after
 * more than 20 redeliveries.
 */
function quorumQueue(queue: string) {
  const dead = `${queue}.dead`;
  const workArguments = {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': dead,
    // RabbitMQ: with the default at-most-once, a dead letter is lost if its queue does not accept it.
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };
  return {
    [queue]: { options: { durable: true, arguments: workArguments } },
    [dead]: { options: { durable: true, arguments: deadQueue(queue).arguments } },
  };
}

export const templates: Readonly<Record<TemplateName, Template>> = {
  worker: {
    summary: 'jobs in a queue that workers share',
    content: {
      vhosts: { '/': { queues: quorumQueue('jobs') } },
      publications: { jobs: { queue: 'jobs' } },
      subscriptions: { jobs: { queue: 'jobs', prefetch: 1 } },
      mq: {
        retry: { attempts: 5, delays: [1000, 5000, 30_000] },
        roles: {
          'add-job': { publish: 'jobs', persistent: true, summary: 'put a job into the queue' },
          'do-jobs': { consume: 'jobs', handler: { builtin: 'print' }, summary: 'do the jobs, one at a time' },
        },
      },
    },
    steps: [
      ['mq do-jobs', 'a worker; several can run at once'],
      ["mq add-job 'photo-1.jpg'", 'a job'],
      [
        'mq do-jobs --exec ./resize.sh',
        'a command for each job; in rascal.json: "handler": { "exec": ["./resize.sh"] }',
      ],
    ],
  },
  rpc: {
    summary: 'questions that a server answers',
    content: {
      vhosts: { '/': { queues: quorumQueue('questions') } },
      publications: { questions: { queue: 'questions' } },
      subscriptions: { questions: { queue: 'questions', prefetch: 1 } },
      mq: {
        roles: {
          ask: { request: 'questions', persistent: false, summary: 'ask, and print the answer' },
          answer: { reply: 'questions', handler: { builtin: 'echo' }, summary: 'answer the questions' },
        },
      },
    },
    steps: [
      ['mq answer', 'a server; it prints each question'],
      ["mq ask 'how much?'", 'a question, and its answer'],
      ['mq answer --handler answer.ts', 'export default (message) => ({ type: "ack", reply: … })'],
    ],
  },
  topic: {
    summary: 'events by topic, and a queue that keeps some of them',
    content: {
      vhosts: {
        '/': {
          exchanges: { orders: { type: 'topic' } },
          queues: quorumQueue('billing'),
          bindings: { 'orders[order.paid, order.refunded] -> billing': {} },
        },
      },
      publications: { orders: { exchange: 'orders' } },
      subscriptions: { billing: { queue: 'billing', prefetch: 10 } },
      mq: {
        roles: {
          'tell-order': {
            publish: 'orders',
            arguments: 'key text',
            keyName: 'event',
            routingKey: 'order.paid',
            persistent: true,
            summary: 'publish an event of an order',
          },
          billing: { consume: 'billing', handler: { builtin: 'print' }, summary: 'receive paid and refunded orders' },
        },
      },
    },
    steps: [
      ['mq billing', 'receives order.paid and order.refunded'],
      [`mq tell-order order.paid '{"id":7,"sum":12}'`, 'an event'],
      ['mq check', 'check the file after each change of the bindings'],
    ],
  },
  logs: {
    summary: 'lines that every listener receives',
    content: {
      vhosts: {
        '/': {
          exchanges: { news: { type: 'fanout' } },
          queues: { news: { replyTo: true, options: { exclusive: true, durable: false, autoDelete: true } } },
          bindings: { 'news -> news': {} },
        },
      },
      publications: { news: { exchange: 'news' } },
      subscriptions: { news: { queue: 'news' } },
      mq: {
        roles: {
          tell: { publish: 'news', persistent: false, summary: 'send a line to every listener' },
          listen: { consume: 'news', handler: { builtin: 'print' }, summary: 'listen, with a queue of its own' },
        },
      },
    },
    steps: [
      ['mq listen', 'a listener; start two'],
      ["mq tell 'info: started'", 'one line for each listener; ends with status 67 if there is no listener'],
      ['mq listen --file all.log', 'write the lines to a file'],
    ],
  },
};
