// Runs an editor that writes its environment into the file.

import { spawn } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { editorFile } from '../../../../src/cli/messages/dlq/editor.ts';
import type { Context } from '../../../../src/context.ts';
import { emptyFolder } from '../../../support/mq.ts';

test('starts the editor without the variables of the login', async () => {
  const path = process.env['PATH'];
  const env = { PATH: path, EDITOR: 'env >', MQ_URL: 'amqp://app:canary@h', MQ_TOKEN: 'canary', TERM: 'xterm' };
  const context: Partial<Context> = { env, cwd: emptyFolder(), spawn };
  const file = await editorFile(context as Context, Buffer.from('text'));
  const seen = (await file.edit()).toString();
  await file.end({ keeps: false });
  assert.match(seen, /^TERM=xterm$/m);
  assert.not.match(seen, /canary/);
});

test.run();
