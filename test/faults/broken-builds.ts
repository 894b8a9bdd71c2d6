// The deliberate errors that the trials and the simulation must find.

import type { Edit } from './broken-build.ts';

export interface BrokenBuild {
  readonly title: string;
  readonly edits: readonly Edit[];
  readonly fault: string;
  readonly caught: RegExp;
  readonly handlerMs?: number;
  readonly recoveryLimitMs?: number;
}

export const brokenBuilds: readonly BrokenBuild[] = [
  {
    title: 'loses messages if they are acknowledged before the handler ends',
    edits: [
      [
        'roles/consuming/intake.ts',
        'const outcome = this.#runs.run(message, now);',
        'pending.delivery.ack(); const outcome = this.#runs.run(message, now);',
      ],
    ],
    fault: 'kill -9 of a receiver',
    handlerMs: 200,
    caught: /^\d+ lost: /,
  },
  {
    title: 'loses messages if a nack counts as a confirm',
    edits: [
      [
        'session/publisher.ts',
        "else if (isNack) this.#settle(entry, { type: 'refused', error: nacked(entry.message) });",
        '',
      ],
    ],
    fault: 'queue full, publishes rejected',
    caught: /^\d+ lost: /,
  },
  {
    title: 'leaves messages without an outcome if a reconnect drops the window',
    edits: [
      [
        'session/publisher.ts',
        'this.#window.rewind();',
        'for (const entry of [...this.#window]) this.#window.remove(entry);\n    this.#window.rewind();\n    this.#wake();',
      ],
    ],
    fault: 'kill -9 of the broker',
    caught: /^\d+ unaccounted: /,
  },
  {
    title: 'loses messages if basic.return is ignored',
    edits: [
      ['session/publisher.ts', "channel.on('return', (returned: RawMessage) => this.#markReturned(returned));", ''],
    ],
    fault: 'queue unbound',
    caught: /^\d+ lost: /,
  },
  {
    title: 'loses messages without a queue if they are not mandatory',
    edits: [['session/codec/message-frames.ts', 'writer.octet(mandatory ? 1 : 0);', 'writer.octet(0);']],
    fault: 'queue unbound',
    caught: /^\d+ lost: /,
  },
  {
    title: 'does not recover if a receiver does not consume again',
    edits: [
      [
        'session/consumer.ts',
        "this.emit('interrupted', failure);\n      this.#again();",
        "this.emit('interrupted', failure);",
      ],
    ],
    fault: 'connections closed by management',
    recoveryLimitMs: 3000,
    caught: /^no recovery after /,
  },
];
