// Tests the comparison of two addresses of management APIs.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isOneApi } from '../../../../../src/cli/commands/admin/node-command.ts';

test('localhost, 127.0.0.1 and [::1] are equal, other hosts and ports differ', () => {
  const published = 'http://mq:secret@127.0.0.1:32770';
  for (const host of ['localhost:32770', '127.0.0.1:32770', '[::1]:32770'])
    assert.ok(isOneApi(published, `http://${host}`), host);
  for (const host of ['localhost:32771', 'broker.example:32770', '10.0.0.1:32770', 'localhost'])
    assert.not.ok(isOneApi(published, `http://${host}`), host);
});

test.run();
