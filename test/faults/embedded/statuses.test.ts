// Runs the short form of the ledger runs: handlers end at random in every possible way, under each failure policy, and each
// message is accounted for at the end. `npm run test:faults -- --only "random statuses"` runs more of them.

import { test } from 'uvu';
import { ledgers } from '../ledger.ts';
import { embeddedPlace } from '../place.ts';
import { testLedgers } from '../short.ts';

testLedgers(ledgers, embeddedPlace);

test.run();
