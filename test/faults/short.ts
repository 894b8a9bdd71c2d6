// Defines the tests of the short form: faults in sequence while messages flow, and ledger runs.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seedOf } from '../support/random.ts';
import type { Fault } from './fault.ts';
import { type Ledger, runLedger } from './ledger.ts';
import type { Place } from './place.ts';
import { drawTable } from './table.ts';
import { runTrial } from './trial.ts';
import type { Verdict } from './verdict.ts';

export interface Trials {
  readonly faults: readonly Fault[];
  /** Title of a trial → names of its faults. */
  readonly trials: Readonly<Record<string, readonly string[]>>;
  readonly times: number;
  readonly healthyMs?: number;
}

/** `MQ_FAULTS_SEED` chooses the moments. */
export function testTrials({ faults: all, trials, ...options }: Trials, makePlace: () => Promise<Place>): void {
  const seed = seedOf('MQ_FAULTS_SEED');
  for (const [title, names] of Object.entries(trials)) {
    const faults = names.flatMap((name) => all.filter((fault) => fault.name === name));
    testVerdict(`${title} (MQ_FAULTS_SEED=${seed})`, makePlace, (place) => {
      assert.is(faults.length, names.length);
      return runTrial({ place, faults, seed, ...options });
    });
  }
}

export function testLedgers(ledgers: readonly Ledger[], makePlace: () => Promise<Place>): void {
  for (const ledger of ledgers)
    testVerdict(`${ledger.name}: no message is lost, and none loops`, makePlace, (place) =>
      runLedger({ place, ledger, messages: 200, stuckMs: 10_000 }),
    );
}

function testVerdict(title: string, makePlace: () => Promise<Place>, run: (place: Place) => Promise<Verdict>): void {
  test(title, async () => {
    const place = await makePlace();
    try {
      const verdict = await run(place);
      console.log(drawTable([{ fault: title, verdict }]));
      assert.equal(verdict.failures, []);
    } finally {
      await place.end();
    }
  });
}
