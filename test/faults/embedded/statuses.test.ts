// The short form of the ledger runs: handlers end at random in every way there is, under each failure policy, and each
// message has its account at the end. `npm run test:faults -- --only "random statuses"` runs more of them.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ledgers, runLedger } from '../ledger.ts';
import { embeddedPlace } from '../place.ts';
import { drawTable } from '../table.ts';

for (const ledger of ledgers) {
  test(`${ledger.name}: no message is lost, and none loops`, async () => {
    const place = await embeddedPlace();
    try {
      const verdict = await runLedger({ place, ledger, messages: 200, stuckMs: 10_000 });
      console.log(drawTable([{ fault: ledger.name, verdict }]));
      assert.equal(verdict.failures, []);
    } finally {
      await place.end();
    }
  });
}

test.run();
