// Checks that no command changes a file that it reads. The broker refuses connections, so nothing else ends the commands
// with a usage error.

import { linkSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';

const definitions = '{"vhosts":[{"name":"/"}],"exchanges":[],"queues":[],"bindings":[]}';
const content = {
  'rascal.json':
    '{"vhosts":{"/":{"queues":["q"]}},"subscriptions":{"q":{"queue":"q"}},"mq":{"roles":{"work":{"consume":"q"}}}}',
  'd.json': definitions,
  'url.txt': 'amqp://127.0.0.1:1',
  'a.test.ts': '',
  '1.json': '{"type":"start","files":0,"target":"","seed":1}\n',
};

/** A command line, and the file of the folder that it would change. */
type Row = readonly [args: readonly string[], file: keyof typeof content, env?: Readonly<Record<string, string>>];

const rows: readonly Row[] = [
  [['plan', '--out', 'rascal.json'], 'rascal.json'],
  [['plan', '--out', 'symbolic'], 'rascal.json'],
  [['plan', '--out', 'hard'], 'rascal.json'],
  [['plan', '--out', 'none/../rascal.json'], 'rascal.json'],
  [['plan', '--config', 'symbolic', '--out', 'hard'], 'rascal.json'],
  [['plan', '--out', 'rascal.json'], 'rascal.json', { MQ_CONFIG: 'hard' }],
  [['plan', '--against', 'd.json', '--out', './d.json'], 'd.json'],
  [['plan', '--against', 'exported', '--json', '--out', 'd.json'], 'd.json'],
  [['plan', '--url-file', 'url.txt', '--out', 'url.txt'], 'url.txt'],
  [['plan', '--out', 'url.txt'], 'url.txt', { MQ_URL_FILE: 'url.txt' }],
  [['test', '--report', 'junit=rascal.json'], 'rascal.json'],
  [['test', '--report', 'json', '--report-file', 'a.test.ts'], 'a.test.ts'],
  [['test', 'merge', '1.json', '--report', 'json=1.json'], '1.json'],
  [['work', '--file', 'hard', '--url', 'amqp://127.0.0.1:1'], 'rascal.json'],
];

for (const [args, file, env = {}] of rows) {
  test(`mq ${args.join(' ')} does not change ${file}`, async () => {
    const cwd = emptyFolder(content);
    symlinkSync('rascal.json', join(cwd, 'symbolic'));
    symlinkSync('d.json', join(cwd, 'exported'));
    linkSync(join(cwd, 'rascal.json'), join(cwd, 'hard'));
    const { status, stderr } = await runCli(args, { cwd, env: { MQ_TRUST: cwd, ...env } });
    assert.is(status, 64, stderr);
    assert.match(stderr, /would change .*, which this command reads/);
    assert.is(readFileSync(join(cwd, file), 'utf8'), content[file]);
  });
}

test('a file that the command does not read is overwritten', async () => {
  const cwd = emptyFolder({ ...content, 'plan.txt': 'old' });
  for (const _ of [1, 2]) {
    const { status } = await runCli(['plan', '--against', 'd.json', '--out', 'plan.txt'], { cwd });
    assert.is(status, 1);
  }
  assert.match(readFileSync(join(cwd, 'plan.txt'), 'utf8'), /^rascal\.json against d\.json/);
});

test.run();
