// Tests the text, JSON and GitHub reports, and where reports are written.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { github } from '../../../src/harness/report/github.ts';
import { json } from '../../../src/harness/report/json.ts';
import { junit } from '../../../src/harness/report/junit.ts';
import { placeOf } from '../../../src/harness/report/place.ts';
import type { RunEvent } from '../../../src/harness/report/reporter.ts';
import { tap } from '../../../src/harness/report/tap.ts';
import { text } from '../../../src/harness/report/text.ts';
import { openReports, planReports } from '../../../src/harness/report.ts';
import { emptyShard, interruptedRun, skippedRun, start, wholeRun, written } from './report-run.ts';

const drawn = suite('reports');

drawn('text shows files, failures and totals', () => {
  assert.is(
    written(text, wholeRun),
    `no management API:
the vhost of the address is used
ok   orders.test.ts (1 passed, 1 skipped, 12 ms)
       skipped "orders: accepts #1 <of> "2" & C:\\": no cluster
here
FAIL sub/pay.test.ts (0 passed, 3 failed, 1 skipped, 2000 ms)
       skipped "later": test.skip

  "pays"
    Expected 100% to be
    
    equal:
      ++2    (Expected)
      --1    (Actual)
      at check (sub/check.ts:3:9)
      at Object.handler (sub/pay.test.ts:8:38)
    stderr of its roles:
      mq worker --exec ./pay.sh:
        no such customer

  the suite without a name, after.each hook of "pays"
    cannot tidy up

  "waits, for: ever"
    did not end: the process sent no event for 3000 ms and was killed

  output:
    first words
    \u001b[31mred\u001b[0m ]]> & <b>


order of files: --seed 7

1 passed, 3 failed, 2 skipped
`,
  );
});

drawn('text names passed tests and has colours on request', () => {
  const [first] = written(text, wholeRun.slice(2), { isVerbose: true }).split('FAIL');
  assert.is(
    first,
    `ok   orders.test.ts (1 passed, 1 skipped, 12 ms)
  ok   adds (2 ms)
       skipped "orders: accepts #1 <of> "2" & C:\\": no cluster
here
`,
  );
  const coloured = written(text, wholeRun, { isColoured: true });
  assert.match(coloured, '\u001b[32mok  \u001b[39m orders.test.ts');
  assert.match(coloured, '\u001b[31mFAIL\u001b[39m sub/pay.test.ts');
  assert.ok(coloured.endsWith('\u001b[31m1 passed, 3 failed, 2 skipped\u001b[39m\n'));
});

drawn('an empty shard is not a failure in any report', () => {
  assert.is(written(text, emptyShard), 'shard 3/3: no test ran\n\n0 passed, 0 failed\n');
  assert.is(written(github, emptyShard), '::notice title=mq test::0 passed, 0 failed\n');
  assert.match(written(json, emptyShard), '"shard":"3/3"}\n');
  assert.match(written(json, emptyShard), '"event":"finish","ok":true');
  assert.is(written(tap, emptyShard), 'TAP version 13\n# target: embedded\n# shard 3/3: no test ran\n1..0\n');
  assert.match(
    written(junit, emptyShard),
    '<testsuites name="mq test" tests="0" failures="0" errors="0" time="0.001"/>',
  );
});

drawn('text names the interrupting signal and omits filtered files', () => {
  const [, file] = wholeRun.flatMap((event) => (event.type === 'file' ? [event.result] : []));
  assert.ok(file);
  const result = { ...file, passed: 0, failures: [], skipped: [], tests: [] };
  const run = [start, { type: 'file', result }, { type: 'finish', ms: 1, interrupted: 'SIGTERM' }] as const;
  assert.is(written(text, run), '\ninterrupted by SIGTERM\n\n0 passed, 0 failed\n');
});

drawn('github has the path in the repository and the line of each failure', () => {
  assert.is(
    written(github, wholeRun),
    `::error file=app/sub/pay.test.ts,line=8,col=38,title="pays"::Expected 100%25 to be%0A%0Aequal:%0A++2    (Expected)%0A--1    (Actual)%0Amq worker --exec ./pay.sh:%0A  no such customer
::error file=app/sub/pay.test.ts,line=3,title=the suite without a name%2C after.each hook of "pays"::cannot tidy up
::error file=app/sub/pay.test.ts,line=5,title="waits%2C for%3A ever"::did not end: the process sent no event for 3000 ms and was killed
::notice title=mq test::1 passed, 3 failed, 2 skipped
`,
  );
});

drawn('github has an error if no test passed or the run was interrupted', () => {
  assert.is(
    written(github, skippedRun),
    '::error title=mq test::every test was skipped\n::notice title=mq test::0 passed, 0 failed, 1 skipped\n',
  );
  assert.is(
    written(github, interruptedRun),
    '::error title=mq test::interrupted by SIGINT\n::notice title=mq test::1 passed, 0 failed, 1 skipped\n',
  );
});

drawn('json is one object on each line', () => {
  assert.is(
    written(json, wholeRun),
    `{"event":"start","files":2,"target":"embedded","seed":7}
{"event":"note","text":"no management API:\\nthe vhost of the address is used"}
{"event":"test","file":"orders.test.ts","name":"adds","line":3,"outcome":"pass","ms":1.5}
{"event":"test","file":"orders.test.ts","name":"orders: accepts #1 <of> \\"2\\" & C:\\\\","line":9,"outcome":"skip","ms":0.25,"reason":"no cluster\\nhere"}
{"event":"file","file":"orders.test.ts","passed":1,"failed":0,"skipped":1,"ms":12.346,"failures":[],"output":""}
{"event":"test","file":"sub/pay.test.ts","name":"pays","outcome":"fail","ms":7,"failure":{"title":"\\"pays\\"","message":"Expected 100% to be\\n\\nequal:","details":"++2    (Expected)\\n--1    (Actual)","roles":"mq worker --exec ./pay.sh:\\n  no such customer","stack":["at check (/repo/app/sub/check.ts:3:9)","at Object.handler (/repo/app/sub/pay.test.ts:8:38)"],"at":{"file":"sub/pay.test.ts","line":8,"column":38}}}
{"event":"test","file":"sub/pay.test.ts","name":"waits, for: ever","outcome":"fail","ms":0,"failure":{"title":"\\"waits, for: ever\\"","message":"did not end: the process sent no event for 3000 ms and was killed","stack":[],"at":{"file":"sub/pay.test.ts","line":5}}}
{"event":"test","file":"sub/pay.test.ts","name":"later","outcome":"skip","ms":0,"reason":"test.skip"}
{"event":"file","file":"sub/pay.test.ts","passed":0,"failed":3,"skipped":1,"ms":2000,"failures":[{"title":"\\"pays\\"","message":"Expected 100% to be\\n\\nequal:","details":"++2    (Expected)\\n--1    (Actual)","roles":"mq worker --exec ./pay.sh:\\n  no such customer","stack":["at check (/repo/app/sub/check.ts:3:9)","at Object.handler (/repo/app/sub/pay.test.ts:8:38)"],"at":{"file":"sub/pay.test.ts","line":8,"column":38}},{"title":"the suite without a name, after.each hook of \\"pays\\"","message":"cannot tidy up","stack":[],"at":{"file":"sub/pay.test.ts","line":3}},{"title":"\\"waits, for: ever\\"","message":"did not end: the process sent no event for 3000 ms and was killed","stack":[],"at":{"file":"sub/pay.test.ts","line":5}}],"output":"first words\\n\\u001b[31mred\\u001b[0m ]]> & <b>"}
{"event":"finish","ok":false,"passed":1,"failed":3,"skipped":2,"ms":2100}
`,
  );
});

drawn('json of an interrupted run is not ok', () => {
  assert.is(
    written(json, interruptedRun).split('\n').at(-2),
    '{"event":"finish","ok":false,"passed":1,"failed":0,"skipped":1,"ms":5,"interrupted":"SIGINT"}',
  );
});

drawn.run();

const places = suite('the place of a failure');
const source = "test('a', () => {});\ntest('b', () => {});\n";
const place = (title: string, ...stack: string[]) =>
  placeOf({ title, message: '', stack }, { file: '/x.test.ts', tests: [] }, () => source);

places('is the frame in the test file, or the innermost frame', () => {
  assert.equal(place('"a"', 'at f (/lib.ts:1:2)', 'at /x.test.ts:3:4'), { file: '/x.test.ts', line: 3, column: 4 });
  assert.equal(place('"a"', 'at async Object.f (/lib (1).ts:1:2)', 'at /y.ts:3:4'), {
    file: '/lib (1).ts',
    line: 1,
    column: 2,
  });
  assert.equal(place('"a"', 'at /lib (1).ts:1:2'), { file: '/lib (1).ts', line: 1, column: 2 });
  assert.equal(place('loading the file', 'at /x.test.ts:4'), { file: '/x.test.ts', line: 4 });
  assert.equal(place('"a"', 'at f (C:\\lib.ts:1:2)'), { file: 'C:\\lib.ts', line: 1, column: 2 });
});

places('without a stack is the line of the title, or the first line', () => {
  assert.is(place('"b"').line, 2);
  assert.is(place('"the suite: b"').line, 2);
  assert.is(place('after.each hook of "b"').line, 2);
  assert.is(place('the file').line, 1);
  const gone = { file: '/gone.ts', tests: [] };
  assert.is(placeOf({ title: '"b"', message: '', stack: [] }, gone, () => undefined).line, 1);
});

places('is the line of the registration, if it is known', () => {
  const failure = { title: '"b"', message: '', stack: [] };
  const tests = [{ name: 'b', outcome: 'fail', ms: 0, failure, line: 7 }] as const;
  assert.is(placeOf(failure, { file: '/x.test.ts', tests }, () => source).line, 7);
});

places.run();

const plans = suite('the destinations of reports');
const plan = (...words: string[]) => planReports(words).map(({ name, to }) => `${name} → ${place_(to)}`);
const place_ = (to: string | { file: string }) => (typeof to === 'string' ? to : to.file);

plans('text is the default, also in addition to files', () => {
  assert.equal(plan(), ['text → stdout']);
  assert.equal(plan('text', 'text'), ['text → stdout']);
  assert.equal(plan('junit=out/a.xml', 'tap=b=c.tap'), ['junit → out/a.xml', 'tap → b=c.tap', 'text → stdout']);
  assert.equal(plan('text=log.txt'), ['text → log.txt', 'text → stdout']);
});

plans('a report on stdout removes the text report, or moves it to stderr', () => {
  assert.equal(plan('tap'), ['tap → stdout']);
  assert.equal(plan('json=-'), ['json → stdout']);
  assert.equal(plan('text', 'tap'), ['text → stderr', 'tap → stdout']);
  assert.equal(plan('github'), ['github → stdout', 'text → stderr']);
});

plans('--report-file applies to the last named report', () => {
  assert.equal(
    planReports(['tap=a.tap', 'junit'], 'b.xml').map(({ to }) => place_(to)),
    ['a.tap', 'b.xml', 'stdout'],
  );
  assert.equal(
    planReports([], 'a.txt').map(({ name, to }) => `${name} → ${place_(to)}`),
    ['text → a.txt', 'text → stdout'],
  );
});

plans('invalid combinations are usage errors', () => {
  const wrong: [named: string[], message: string, file?: string][] = [
    [['tpa'], "there is no report 'tpa'"],
    [['constructor'], "there is no report 'constructor'"],
    [['tap='], '--report tap= requires a file'],
    [['tap', 'json'], 'tap and json cannot both use standard output'],
    [['tap=a'], 'the report tap has two files: a and b', 'b'],
    [['tap'], '--report-file requires a file', ''],
  ];
  for (const [named, message, file] of wrong) {
    assert.throws(
      () => planReports(named, file),
      (error: { code: string; message: string }) => {
        assert.equal([error.code, error.message], ['USAGE', message]);
        return true;
      },
    );
  }
});

plans.run();

const outputs = suite<{ folder: string }>('outputs');
outputs.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'mq-report-'));
});
outputs.after.each(({ folder }) => rmSync(folder, { recursive: true }));

function stream() {
  const pieces: string[] = [];
  return { pieces, write: (piece: string) => pieces.push(piece) };
}

outputs('each report receives every event, and folders are created', ({ folder }) => {
  const [stdout, stderr] = [stream(), stream()];
  const planned = planReports(['tap', 'text', 'junit=deep/er/out.xml', 'json=out.json']);
  const reports = openReports(planned, { cwd: folder, env: {}, stdout, stderr });
  assert.is(readFileSync(join(folder, 'deep/er/out.xml'), 'utf8'), '');
  for (const event of wholeRun) reports.send(event);
  reports.close();
  assert.match(stdout.pieces.join(''), /^TAP version 13\n.*\n1\.\.6\n$/s);
  assert.match(stderr.pieces.join(''), /\n1 passed, 3 failed, 2 skipped\n$/);
  assert.match(readFileSync(join(folder, 'deep/er/out.xml'), 'utf8'), /^<\?xml .*<\/testsuites>\n$/s);
  const lines = readFileSync(join(folder, 'out.json'), 'utf8').trimEnd().split('\n');
  assert.equal(JSON.parse(lines.at(-1) ?? ''), {
    event: 'finish',
    ok: false,
    passed: 1,
    failed: 3,
    skipped: 2,
    ms: 2100,
  });
});

outputs('text disables workflow commands in the log of GitHub Actions', ({ folder }) => {
  const hostile = '::error::owned\n  ::add-mask::a ##[group]x';
  const failure = { title: hostile, message: hostile, stack: [] };
  for (const name of ['text', 'tap']) {
    const [stdout, stderr] = [stream(), stream()];
    const env = { GITHUB_ACTIONS: 'true' };
    const reports = openReports(planReports([name]), { cwd: folder, env, stdout, stderr });
    for (const event of wholeRun) {
      const result = event.type === 'file' && { ...event.result, failures: [failure], output: hostile };
      reports.send(result ? ({ ...event, result } as RunEvent) : event);
    }
    assert.match(stdout.pieces.join(''), /owned/);
    assert.not.match(stdout.pieces.join(''), /^\s*::|##\[/m);
  }
});

outputs('a file that cannot be created is an error before the run', ({ folder }) => {
  writeFileSync(join(folder, 'file'), '');
  const planned = planReports(['junit=file/out.xml']);
  assert.throws(
    () => openReports(planned, { cwd: folder, env: {}, stdout: stream(), stderr: stream() }),
    (error: { code: string }) => error.code === 'CANNOT_CREATE',
  );
  assert.not(existsSync(join(folder, 'out.xml')));
});

outputs.run();
