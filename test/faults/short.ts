// Defines the short form of the fault tests: trials with faults in sequence while messages flow, and ledger runs.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seedOf } from '../support/random.ts';
import type { Fault } from './fault.ts';
import { type Ledger, runLedger } from './ledger.ts';
import { drawTable } from './table.ts';
import { runTrial } from './trial.ts';
import type { TrialBroker } from './trial-broker.ts';
import type { Verdict } from './verdict.ts';

export interface Trials {
  readonly faults: readonly Fault[];
  /** Title of a trial → the names of its faults. */
  readonly trials: Readonly<Record<string, readonly string[]>>;
  readonly times: number;
  readonly healthyMs?: number;
}

/** Defines one test for each trial. `MQ_FAULTS_SEED` selects the moments of the faults. */
export function testTrials({ faults: all, trials, ...options }: Trials, makeBroker: () => Promise<TrialBroker>): void {
  const seed = seedOf('MQ_FAULTS_SEED');
  for (const [title, names] of Object.entries(trials)) {
    const faults = names.flatMap((name) => all.filter((fault) => fault.name === name));
    testVerdict(`${title} (MQ_FAULTS_SEED=${seed})`, makeBroker, (broker) => {
      assert.is(faults.length, names.length);
      return runTrial({ broker, faults, seed, ...options });
    });
  }
}

export function testLedgers(ledgers: readonly Ledger[], makeBroker: () => Promise<TrialBroker>): void {
  for (const ledger of ledgers)
    testVerdict(`${ledger.name}: no message is lost or loops`, makeBroker, (broker) =>
      runLedger({ broker, ledger, messages: 200, stuckMs: 10_000 }),
    );
}

function testVerdict(
  title: string,
  makeBroker: () => Promise<TrialBroker>,
  run: (broker: TrialBroker) => Promise<Verdict>,
): void {
  test(title, async () => {
    const broker = await makeBroker();
    try {
      const verdict = await run(broker);
      console.log(drawTable([{ fault: title, verdict }]));
      assert.equal(verdict.failures, []);
    } finally {
      await broker.end();
    }
  });
}
