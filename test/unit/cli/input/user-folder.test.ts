// Tests the folder of the user's configuration.

import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { userFolder } from '../../../../src/cli/input/user-folder.ts';

test('prefers XDG_CONFIG_HOME, then HOME', () => {
  assert.is(userFolder({ env: { XDG_CONFIG_HOME: '/x', HOME: '/h' } }), '/x/mq');
  assert.is(userFolder({ env: { XDG_CONFIG_HOME: 'x', HOME: '/h' } }), '/h/.config/mq');
  assert.is(userFolder({ env: {} }), `${homedir()}/.config/mq`);
});

test('is never below the working folder', () => {
  const home = process.env['HOME'];
  try {
    for (const wrong of ['', 'relative', '.']) {
      process.env['HOME'] = wrong;
      const folder = userFolder({ env: { HOME: wrong, XDG_CONFIG_HOME: wrong } });
      assert.ok(isAbsolute(folder), folder);
      assert.is(folder, `${userInfo().homedir}/.config/mq`);
    }
  } finally {
    if (home === undefined) delete process.env['HOME'];
    else process.env['HOME'] = home;
  }
});

test.run();
