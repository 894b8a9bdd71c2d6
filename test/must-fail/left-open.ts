// A server that a test leaves open keeps the process running.
import { createServer } from 'node:net';
import { test } from 'uvu';

test('leaves a server open', () => {
  createServer().listen(0);
});
test.run();
