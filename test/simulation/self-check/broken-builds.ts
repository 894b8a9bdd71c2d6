// The deliberate errors that the simulation must find, the violations that show them, and the number of seeds that is enough.

import type { Edit } from '../../faults/broken-build.ts';
import { brokenBuilds as ofTrials } from '../../faults/broken-builds.ts';

export interface BrokenBuild {
  /** Completes "a build that". */
  readonly title: string;
  readonly edits: readonly Edit[];
  /** The violation that the error causes. */
  readonly caught: RegExp;
  /** Number of seeds within which the simulation finds it: about five times the number that was measured. */
  readonly seeds: number;
  /** The faults that show it. Seeds without them are skipped. Default: all seeds. */
  readonly faults?: readonly string[];
}

const lost = /^\d+ lost: /;
const stuck = /^\d+ stuck: /;

const powerLosses = ['power lost', 'broker ended at an effect'];
const disconnecting = ['connections cut', 'connection cut', 'black hole', 'connections closed'];
const roleKills = ['role killed', 'role killed at an effect'];

/** The broken builds of the trials with real processes (test/faults). */
const fromTrials: Readonly<Record<string, Omit<BrokenBuild, 'title' | 'edits'>>> = {
  'loses messages if they are acknowledged before the handler ends': {
    caught: lost,
    seeds: 200,
    faults: roleKills,
  },
  'loses messages if a nack counts as a confirm': {
    caught: lost,
    seeds: 25,
    faults: ['publishes refused', 'enqueued publishes nacked'],
  },
  'leaves messages without an outcome if a reconnect drops the window': {
    caught: /unaccounted|reported no outcome|has not published/,
    seeds: 900,
  },
  'loses messages if basic.return is ignored': { caught: lost, seeds: 50, faults: ['queue unbound'] },
  'loses messages without a queue if they are not mandatory': { caught: lost, seeds: 50, faults: ['queue unbound'] },
  'does not recover if a receiver does not consume again': { caught: stuck, seeds: 150 },
};

export const brokenBuilds: readonly BrokenBuild[] = [
  ...ofTrials.map(({ title, edits }) => ({ title, edits, ...(fromTrials[title] ?? { caught: /^$/, seeds: 0 }) })),
  {
    title: 'acknowledges on the newest channel what arrived on an older one',
    edits: [
      [
        'session/consuming/consumer-channel.ts',
        'export class ConsumerChannel',
        'let newest;\nexport class ConsumerChannel',
      ],
      [
        'session/consuming/consumer-channel.ts',
        'this.acks = new Acks(channel);',
        'newest = channel; this.acks = new Acks({ ack: (message, multiple) => newest.ack(message, multiple), prefetch: (...args) => channel.prefetch(...args), once: (...args) => channel.once(...args), off: (...args) => channel.off(...args) });',
      ],
      ['session/consuming/consumer-channel.ts', 'if (this.isCurrent()) {', 'if (true) {'],
    ],
    caught: /violated the protocol|^\d+ lost: /,
    seeds: 700,
  },
  {
    title: 'does not wake a publisher whose window has room again',
    edits: [['session/publisher.ts', 'if (this.#waiting.length > 0) this.#wake();', '']],
    caught: /has not published/,
    seeds: 25,
  },
  {
    title: 'sends the window again in the wrong order',
    edits: [['session/publishing/window.ts', 'const entries = [...this];', 'const entries = [...this].reverse();']],
    caught: /inversions/,
    seeds: 200,
    faults: disconnecting,
  },
  {
    title: 'acknowledges a failed message before the copy for its next attempt is confirmed',
    edits: [
      [
        'roles/consuming/retries.ts',
        'return publisher.publish({ operation, exchange,',
        "if (routingKey !== deadQueue(this.#queue).name) return void publisher.publish({ operation, exchange, routingKey, body: message.body, properties, mandatory: true }) ?? { type: 'confirmed' };\n    return publisher.publish({ operation, exchange,",
      ],
    ],
    caught: lost,
    seeds: 200,
    faults: roleKills,
  },
  {
    title: 'acknowledges a dead letter before its copy is confirmed',
    edits: [
      [
        'roles/consuming/failures.ts',
        'this.#logDeadLetter(message, reason);\n',
        'this.#logDeadLetter(message, reason);\n        delivery.ack();\n',
      ],
    ],
    caught: lost,
    seeds: 200,
    faults: roleKills,
  },
  {
    title: 'acknowledges unfinished messages when it drains',
    edits: [
      [
        'roles/consuming/failures.ts',
        'if (delivery.isRequeued) return;',
        'if (delivery.isRequeued) return;\n    return void delivery.ack();',
      ],
    ],
    caught: lost,
    seeds: 50,
    faults: ['role ended by SIGTERM', 'role signalled again'],
  },
  {
    title: 'acknowledges each message twice',
    edits: [
      [
        'session/consuming/acks.ts',
        'for (const deliveryTag of others) this.#channel.ack({ fields: { deliveryTag } }, false);',
        'for (const deliveryTag of [...others, upTo]) if (deliveryTag > 0) this.#channel.ack({ fields: { deliveryTag } }, false);',
      ],
    ],
    caught: /violated the protocol|ended with 78/,
    seeds: 25,
  },
  {
    title: 'ignores the prefetch',
    edits: [
      [
        'session/consuming/consumer-channel.ts',
        'if (prefetch > 0) await promised',
        'if (prefetch > 1e9) await promised',
      ],
    ],
    caught: /^prefetch exceeded/,
    seeds: 50,
  },
  {
    title: 'confirms only the last message of a confirm for several',
    edits: [
      ['session/publisher.ts', 'let tag = multiple ? this.#window.firstTag : deliveryTag;', 'let tag = deliveryTag;'],
    ],
    // The publisher leaves the node, which seems to confirm nothing, and sends the messages again.
    caught: /^\d+ duplicated/,
    seeds: 150,
  },
  {
    title: 'never counts an attempt',
    edits: [
      [
        'roles/consuming/retries.ts',
        'const next = { attempt: message.attempt + 1, marks: unfinishedHeader',
        'const next = { attempt: message.attempt, marks: unfinishedHeader',
      ],
    ],
    caught: /times within a minute|^\d+ stuck: /,
    seeds: 250,
  },
  {
    title: 'opens no new channel for a publisher whose channel was lost',
    edits: [['session/publisher.ts', 'void this.#reopen(cause);', '']],
    caught: /without a fault|has not published/,
    seeds: 300,
  },
  {
    title: 'returns no messages to the queue when a channel is lost',
    edits: [
      [
        'broker/connection/deliveries.ts',
        'yield* this.#return(this.unacked.takeUpTo(0), true);',
        '[...this.unacked.takeUpTo(0)];',
      ],
    ],
    caught: /^\d+ (lost|stuck): /,
    seeds: 150,
    faults: disconnecting,
  },
  {
    title: 'drops an expired message of a wait queue',
    edits: [
      [
        'broker/queue/message-queue.ts',
        "(entry) => this.#deadLetters.send(entry, 'expired')",
        '(entry) => this.held.settle(entry)',
      ],
    ],
    caught: lost,
    seeds: 25,
  },
  {
    title: 'does not sync the log of the broker',
    edits: [
      ['broker/store/writer.ts', '      await file.datasync();\n      this.#assertExists', '      this.#assertExists'],
    ],
    caught: lost,
    seeds: 25,
    faults: powerLosses,
  },
  {
    title: 'confirms a message before the store has written it',
    edits: [['broker/connection/publisher.ts', 'this.#confirms.awaitStore(tag)', 'this.#confirms.done(tag)']],
    caught: lost,
    seeds: 300,
    faults: ['broker killed', ...powerLosses],
  },
  {
    title: 'drops the last batch of the log at a recovery',
    edits: [
      [
        'broker/store/recovery.ts',
        'segment.bytes = readSegment(segment, bytes, { isLast, onRecord });',
        'let batchAt = 0; const whole = bytes; if (isLast) readSegment(segment, whole, { isLast, onRecord: (record, offset) => { if (record.type === "batch") batchAt = offset; } });\n    segment.bytes = readSegment(segment, batchAt > 0 ? bytes.subarray(0, batchAt) : bytes, { isLast, onRecord });',
      ],
    ],
    caught: lost,
    seeds: 100,
    faults: ['broker killed', ...powerLosses],
  },
  {
    title: 'skips a message of a stream after a restart',
    edits: [['session/consuming/stream-position.ts', 'undefined : next - 1;', 'undefined : next;']],
    caught: /^stream: reader .* handled offset \d+ instead of /,
    seeds: 100,
    faults: ['stream'],
  },
  {
    title: 'stores the offset of a stream before its message is handled',
    edits: [
      [
        'session/consuming/stream-reading.ts',
        'const isNew = this.#position.deliver(offset);',
        'const isNew = this.#position.deliver(offset); this.#kept?.onHandled(offset);',
      ],
    ],
    caught: /^stream: reader .* handled offset \d+ instead of /,
    seeds: 400,
    faults: ['stream'],
  },
  {
    title: 'handles a message again while its handler runs',
    edits: [['roles/consuming/copies.ts', 'this.#identity ??= identityOf(this.#message);', '']],
    caught: /^handled twice at the same time/,
    seeds: 500,
    faults: ['connections cut'],
  },
  {
    title: 'removes a recorded message from its queue before the file is on disk',
    edits: [['roles/record.ts', 'commit({ isDurable: this.#removes })', 'commit({ isDurable: false })']],
    caught: lost,
    seeds: 900,
    faults: ['recording'],
  },
];

/** Errors that `store.test.ts` finds, because it crashes a store at many more operations of the disk than the seeds do. */
export const brokenStores: readonly Pick<BrokenBuild, 'title' | 'edits' | 'caught'>[] = [
  {
    title: 'deletes a segment of the log before its messages are on disk again',
    edits: [
      [
        'broker/store/compaction.ts',
        'if (!(await this.#isCommitted())) return;\n    await this.#disk.unlink(oldest.path);',
        'await this.#disk.unlink(oldest.path);',
      ],
    ],
    caught: /is absent/,
  },
];
