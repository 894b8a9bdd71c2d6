// Tests the reports of mq test: their names, files and streams. An invalid report is refused before a test runs.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Parser } from 'tap-parser';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mq, startMq } from '../support/mq.ts';

const source = `import { assert, test } from 'mq/test';

test('adds', () => assert.is(1 + 1, 2));
test('is wrong', () => {
  assert.is(1 + 1, 3);
});
`;

test('mq test writes several reports to files, and the text to stdout', async () => {
  const cwd = folder();
  const { status, stdout } = await mq(
    ['test', '--report', 'tap=out/a.tap', '--report', 'json=out/a.json', '--report', 'junit', '--report-file', 'a.xml'],
    { cwd },
  );
  assert.is(status, 1);
  assert.match(stdout, /^FAIL a\.test\.ts \(1 passed, 1 failed, \d+ ms\)\n/);
  assert.match(stdout, /\n1 passed, 1 failed\n$/);
  const points = Parser.parse(read(cwd, 'out/a.tap')).flatMap(([event, point]) =>
    event === 'assert' ? [`${point.ok} ${point.name}`] : [],
  );
  assert.equal(points, ['true a.test.ts: adds', 'false a.test.ts: is wrong']);
  const events = read(cwd, 'out/a.json')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(
    events.map(({ event }) => event),
    ['start', 'test', 'test', 'file', 'finish'],
  );
  assert.equal(events[2].failure.at, { file: 'a.test.ts', line: 5, column: 10 });
  assert.match(read(cwd, 'a.xml'), /<testsuites name="mq test" tests="2" failures="1" errors="0" time="\d+\.\d{3}">/);
});

test('a report on stdout is not mixed with the text', async () => {
  const { stdout, stderr } = await mq(['test', '--report', 'tap'], { cwd: folder() });
  assert.match(stdout, /^TAP version 13\n/);
  assert.match(stdout, /\n1\.\.2\n$/);
  assert.is(stderr, '');
});

test('annotations go to stdout with paths in the repository, text to stderr', async () => {
  const cwd = folder();
  const { stdout, stderr } = await mq(['test', '--report', 'github'], {
    cwd,
    env: { GITHUB_WORKSPACE: join(cwd, '..') },
  });
  const [first] = stdout.split('\n');
  const name = cwd.split(/[\\/]/).at(-1);
  assert.is(
    first,
    `::error file=${name}/a.test.ts,line=5,col=10,title="is wrong"::Expected values to be strictly equal:%0A++3    (Expected)%0A--2    (Actual)`,
  );
  assert.match(stderr, /\n1 passed, 1 failed\n$/);
});

test('mq test refuses an unknown report and an unwritable file at once', async () => {
  const cwd = folder();
  const unknown = await mq(['test', '--report', 'junut'], { cwd });
  assert.equal([unknown.status, unknown.stdout], [64, '']);
  assert.match(
    unknown.stderr,
    /^mq test: there is no report 'junut' \[USAGE\]\nhint: reports: text, tap, junit, json, github\n$/,
  );
  const refused = await mq(['test', '--report', 'junit=a.test.ts/out.xml'], { cwd });
  assert.equal([refused.status, refused.stdout], [73, '']);
  assert.match(refused.stderr, /\[CANNOT_CREATE\]/);
});

test('an empty shard passes with a note, and mq test merge joins the parts', async () => {
  const cwd = folder();
  const run = (shard: string) => mq(['test', '--shard', shard, '--report', `json=${shard[0]}.json`], { cwd });
  const [first, second] = [await run('1/2'), await run('2/2')];
  assert.is(first.status, 1);
  assert.equal([second.status, second.stdout], [0, 'shard 2/2: no test ran\n\n0 passed, 0 failed\n']);
  const whole = await mq(['test', 'merge', '1.json', '2.json', '--report', 'junit=all.xml'], { cwd });
  assert.is(whole.status, 1);
  assert.match(whole.stdout, /"is wrong"[\s\S]*\n1 passed, 1 failed\n$/);
  assert.match(read(cwd, 'all.xml'), /name="adds" time="[\d.]+" file="a\.test\.ts" line="3"\/>/);
  const part = await mq(['test', 'merge', '1.json'], { cwd });
  assert.equal([part.status, part.stdout.includes('shard 2/2\n    its report is missing')], [1, true]);
  assert.is((await mq(['test', 'merge'], { cwd })).status, 64);
  assert.is((await mq(['test', 'merge', '1.json', '--jobs', '2'], { cwd })).status, 64);
});

test('-t selects tests by name, and --verbose names passed tests', async () => {
  const { status, stdout } = await mq(['test', '-t', 'ADDS', '--verbose'], { cwd: folder() });
  assert.is(status, 0, stdout);
  assert.match(stdout, /^ok {3}a\.test\.ts \(1 passed, \d+ ms\)\n {2}ok {3}adds \(\d+ ms\)\n\n1 passed, 0 failed\n$/);
});

test('--watch does not run again because of the report that it writes', async () => {
  const cwd = folder();
  const running = startMq(['test', '--watch', '--report', 'json', '--report', 'tap=out.tap'], { cwd });
  const starts = (count: number) => new RegExp(`^(?:[\\s\\S]*"event":"finish"){${count}}`);
  await running.prints(starts(1));
  // The watch may start after the first write, so the file is written until mq notices the change.
  const writing = setInterval(() => writeFileSync(join(cwd, 'a.test.ts'), source), 500);
  await running.prints(/a\.test\.ts has changed/, 'stderr');
  clearInterval(writing);
  await running.prints(starts(2));
  // If out.tap caused a run, it would start before the run that this file causes.
  writeFileSync(join(cwd, 'last.test.ts'), source);
  await running.prints(/last\.test\.ts has changed/, 'stderr');
  const { stderr } = await running.stop();
  assert.not.match(stderr, /out\.tap has changed/);
});

test.run();

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'mq-reports-'));
  writeFileSync(join(path, 'a.test.ts'), source);
  return path;
}

function read(cwd: string, file: string): string {
  return readFileSync(join(cwd, file), 'utf8');
}
