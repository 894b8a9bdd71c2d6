// Runs the tests of --exec-lines again with Node's `spawn`, which starts the processes where the C library cannot be
// called.

import { common } from '../../fixtures/handlers/host.ts';

delete common.native;
await import('./exec-lines.test.ts');
