// Tests when a publisher waits, reconnects to another node or puts its messages in doubt, and how it reads a nack.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AnswerTimeouts } from '../../../../src/session/publishing/answer-timeouts.ts';
import { HandClock } from '../../../support/broker-clock.ts';

/** A publisher with one message that waits for an answer, and a socket with queued data. */
class Scene {
  readonly clock = new HandClock();
  readonly timeouts: AnswerTimeouts;
  readonly socket = { bytesWritten: 0, writableLength: 0, writableNeedDrain: true };
  isConnected = true;
  /** The verdicts other than "wait", with the second at which they were returned. */
  readonly verdicts: string[] = [];
  #seconds = 0;

  constructor(timeoutMs: number, { limitsBlocking = false } = {}) {
    const now = () => this.clock.now();
    this.timeouts = new AnswerTimeouts({ timeoutMs, nodeTimeoutMs: 25_000, limitsBlocking, now });
    this.timeouts.channelOpened();
    this.timeouts.start();
  }

  /** Checks once a second. The socket sends `bytes` in each. */
  pass(seconds: number, { bytes = 0, isWaiting = true } = {}): void {
    for (let second = 0; second < seconds; second += 1) {
      this.#move(1);
      this.socket.bytesWritten += bytes;
      const socket = this.isConnected ? this.socket : undefined;
      const verdict = this.timeouts.check({ isWaiting, socket });
      if (verdict.type === 'reconnect') {
        this.verdicts.push(`${this.#seconds}: reconnect after ${verdict.afterMs}`);
        this.timeouts.extend();
        this.reconnect({ hasLeft: true });
      } else if (verdict.type === 'in doubt') {
        this.verdicts.push(`${this.#seconds}: in doubt`);
        return;
      }
    }
  }

  /** Advances the clock without checks, as if the process were suspended. */
  suspend(seconds: number): void {
    this.#move(seconds);
  }

  reconnect({ hasLeft }: { hasLeft: boolean }): void {
    this.timeouts.connectionLost();
    if (hasLeft) this.timeouts.nodeLeft();
    this.timeouts.channelOpened();
  }

  #move(seconds: number): void {
    this.#seconds += seconds;
    this.clock.move(1000 * seconds);
  }
}

const rows: readonly [title: string, timeoutMs: number, verdicts: readonly string[], run: (scene: Scene) => void][] = [
  [
    'waits while the node answers',
    60_000,
    [],
    (scene) => {
      for (let count = 0; count < 10; count += 1) {
        scene.pass(20);
        scene.timeouts.answered();
      }
    },
  ],
  ['reconnects when the node confirms nothing', 600_000, ['25: reconnect after 25000'], (scene) => scene.pass(30)],
  [
    'doubles the time limit for each next node, up to eight times',
    3_600_000,
    [25, 75, 175, 375, 575].map((second, index) => `${second}: reconnect after ${[25, 50, 100, 200, 200][index]}000`),
    (scene) => scene.pass(600),
  ],
  [
    'uses the first time limit again after a quick answer',
    600_000,
    ['25: reconnect after 25000', '60: reconnect after 25000'],
    (scene) => {
      scene.pass(35);
      scene.timeouts.answered();
      scene.pass(25);
    },
  ],
  [
    'keeps the longer time limit after a slow answer',
    600_000,
    ['25: reconnect after 25000', '105: reconnect after 50000'],
    (scene) => {
      scene.pass(55);
      scene.timeouts.answered();
      scene.pass(50);
    },
  ],
  ['waits while the socket sends queued data', 600_000, [], (scene) => scene.pass(100, { bytes: 1000 })],
  [
    'reconnects when the socket stops sending',
    600_000,
    ['125: reconnect after 25000'],
    (scene) => {
      scene.pass(100, { bytes: 1000 });
      scene.pass(25);
    },
  ],
  ['waits without a message', 60_000, [], (scene) => scene.pass(100, { isWaiting: false })],
  [
    'starts again with the first message after a pause',
    60_000,
    ['125: reconnect after 25000'],
    (scene) => {
      scene.pass(100, { isWaiting: false });
      scene.timeouts.start();
      scene.pass(25);
    },
  ],
  [
    'waits while the broker blocks',
    60_000,
    [],
    (scene) => {
      scene.timeouts.block();
      scene.pass(100);
    },
  ],
  [
    'starts again when the broker ends its block',
    60_000,
    ['125: reconnect after 25000'],
    (scene) => {
      scene.timeouts.block();
      scene.pass(100);
      scene.timeouts.unblock();
      scene.pass(25);
    },
  ],
  [
    'a block ends with its connection',
    60_000,
    ['35: reconnect after 25000'],
    (scene) => {
      scene.timeouts.block();
      scene.pass(10);
      scene.reconnect({ hasLeft: false });
      scene.pass(25);
    },
  ],
  [
    'starts again when the connection is lost during a block',
    60_000,
    ['160: in doubt'],
    (scene) => {
      scene.timeouts.block();
      scene.pass(100);
      scene.timeouts.connectionLost();
      scene.isConnected = false;
      scene.pass(100);
    },
  ],
  [
    'does not reconnect because the process was suspended',
    600_000,
    ['86: reconnect after 25000'],
    (scene) => {
      scene.suspend(60);
      scene.pass(26);
    },
  ],
  [
    'puts messages in doubt without an answer from any node',
    60_000,
    ['25: reconnect after 25000', '60: in doubt'],
    (scene) => scene.pass(100),
  ],
  [
    'puts messages in doubt without a connection, but does not reconnect',
    60_000,
    ['60: in doubt'],
    (scene) => {
      scene.isConnected = false;
      scene.pass(100);
    },
  ],
  [
    'counts a new channel as progress after an answer',
    20_000,
    ['39: in doubt'],
    (scene) => {
      scene.timeouts.answered();
      scene.pass(19);
      scene.reconnect({ hasLeft: false });
      scene.pass(100);
    },
  ],
  [
    'does not count a second channel without an answer as progress',
    20_000,
    ['20: in doubt'],
    (scene) => {
      scene.pass(10);
      scene.reconnect({ hasLeft: false });
      scene.pass(100);
    },
  ],
  [
    'does not count the channel on the next node as progress',
    20_000,
    ['20: in doubt'],
    (scene) => {
      scene.timeouts.answered();
      scene.pass(10);
      scene.reconnect({ hasLeft: true });
      scene.pass(100);
    },
  ],
];

for (const [title, timeoutMs, verdicts, run] of rows) {
  test(title, () => {
    const scene = new Scene(timeoutMs);
    run(scene);
    assert.equal(scene.verdicts, verdicts);
  });
}

test('puts messages in doubt while the broker blocks, if --timeout is given', () => {
  const scene = new Scene(60_000, { limitsBlocking: true });
  scene.timeouts.block();
  scene.pass(100);
  assert.equal(scene.verdicts, ['60: in doubt']);
});

test('a lost connection in a block does not extend --timeout', () => {
  const scene = new Scene(60_000, { limitsBlocking: true });
  scene.timeouts.block();
  scene.pass(10);
  scene.timeouts.connectionLost();
  scene.isConnected = false;
  scene.pass(100);
  assert.equal(scene.verdicts, ['60: in doubt']);
});

const nacks: readonly [title: string, isLate: boolean, run: (scene: Scene) => void][] = [
  ['reads a nack within 10 s as a refusal', false, (scene) => scene.pass(9)],
  ['reads a nack after 10 s as "no quorum"', true, (scene) => scene.pass(10)],
  [
    'measures a nack from the time when the data was sent',
    false,
    (scene) => {
      scene.pass(60, { bytes: 1000 });
      scene.pass(9);
    },
  ],
  [
    'reads a late nack after an upload as "no quorum"',
    true,
    (scene) => {
      scene.pass(60, { bytes: 1000 });
      scene.pass(10);
    },
  ],
  ['reads a nack after a suspension as a refusal', false, (scene) => scene.suspend(60)],
];

for (const [title, isLate, run] of nacks) {
  test(title, () => {
    const scene = new Scene(600_000);
    const writtenAt = scene.clock.now();
    run(scene);
    assert.is(scene.timeouts.isLateNack(writtenAt), isLate);
  });
}

test('checks at least once a second, and as often as the shorter time limit', () => {
  const checkMs = (timeoutMs: number, nodeTimeoutMs?: number) =>
    new AnswerTimeouts({ timeoutMs, nodeTimeoutMs }).checkMs;
  assert.equal([checkMs(60_000), checkMs(50), checkMs(60_000, 30)], [1000, 50, 30]);
});

test.run();
