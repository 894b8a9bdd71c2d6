// Runs the short form of the ledger runs: handlers end in every possible way at random, with each failure policy, and each
// message is accounted for at the end. `npm run test:faults -- --only "random statuses"` runs more of them.

import { test } from 'uvu';
import { ledgers } from '../ledger.ts';
import { testLedgers } from '../short.ts';
import { embeddedBroker } from '../trial-broker.ts';

testLedgers(ledgers, embeddedBroker);

test.run();
