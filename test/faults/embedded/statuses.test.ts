// The short form of the ledger runs: handlers end at random in every way there is, under each failure policy, and each
// message has its account at the end. `npm run test:faults -- --only "random statuses"` runs more of them.

import { test } from 'uvu';
import { ledgers } from '../ledger.ts';
import { embeddedPlace } from '../place.ts';
import { testLedgers } from '../short.ts';

testLedgers(ledgers, embeddedPlace);

test.run();
