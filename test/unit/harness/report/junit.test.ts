// Tests the JUnit report: its text, that an XML parser reads it, and that it follows Jenkins' junit-10.xsd.

import { SaxesParser } from 'saxes';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { junit } from '../../../../src/harness/report/junit.ts';
import { interruptedRun, skippedRun, wholeRun, written } from '../report-run.ts';

const report = suite('junit');

report('has a testsuite for each file and a testcase for each test', () => {
  assert.is(
    written(junit, wholeRun),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="mq test" tests="6" failures="2" errors="1" time="2.100">
<testsuite name="orders.test.ts" tests="2" failures="0" errors="0" skipped="1" time="0.012" timestamp="2026-01-02T03:04:05">
<testcase classname="orders.test.ts" name="adds" time="0.002" file="orders.test.ts" line="3"/>
<testcase classname="orders.test.ts" name="orders: accepts #1 &#60;of&#62; &#34;2&#34; &#38; C:\\" time="0.000" file="orders.test.ts" line="9">
<skipped message="no cluster&#10;here"/>
</testcase>
</testsuite>
<testsuite name="sub/pay.test.ts" tests="4" failures="2" errors="1" skipped="1" time="2.000" timestamp="2026-01-02T03:04:03">
<testcase classname="sub/pay.test.ts" name="pays" time="0.007" file="sub/pay.test.ts" line="8">
<failure message="Expected 100% to be">Expected 100% to be

equal:
++2    (Expected)
--1    (Actual)
at check (/repo/app/sub/check.ts:3:9)
at Object.handler (/repo/app/sub/pay.test.ts:8:38)</failure>
<system-out>mq worker --exec ./pay.sh:
  no such customer</system-out>
</testcase>
<testcase classname="sub/pay.test.ts" name="waits, for: ever" time="0.000" file="sub/pay.test.ts" line="5">
<failure message="did not end: the process sent no event for 3000 ms and was killed">did not end: the process sent no event for 3000 ms and was killed</failure>
</testcase>
<testcase classname="sub/pay.test.ts" name="later" time="0.000" file="sub/pay.test.ts">
<skipped message="test.skip"/>
</testcase>
<testcase classname="sub/pay.test.ts" name="the suite without a name, after.each hook of &#34;pays&#34;" file="sub/pay.test.ts" line="3">
<error message="cannot tidy up">cannot tidy up</error>
</testcase>
<system-out>first words
red ]]&#62; &#38; &#60;b&#62;</system-out>
</testsuite>
</testsuites>
`,
  );
});

report('is read correctly by an XML parser', () => {
  const [first, second] = elementsIn(read(written(junit, wholeRun)), 'testsuite');
  assert.equal(
    elementsIn(first, 'testcase').map(({ attributes }) => attributes['name']),
    ['adds', 'orders: accepts #1 <of> "2" & C:\\'],
  );
  assert.is(elementsIn(first, 'skipped')[0]?.attributes['message'], 'no cluster\nhere');
  assert.is(
    elementsIn(second, 'failure')[0]?.text,
    'Expected 100% to be\n\nequal:\n++2    (Expected)\n--1    (Actual)\nat check (/repo/app/sub/check.ts:3:9)\nat Object.handler (/repo/app/sub/pay.test.ts:8:38)',
  );
  assert.is(elementsIn(second, 'system-out').at(-1)?.text, 'first words\nred ]]> & <b>');
});

for (const [title, run] of Object.entries({ whole: wholeRun, skipped: skippedRun, interrupted: interruptedRun })) {
  report(`follows the schema and has correct counts (${title} run)`, () => {
    const root = read(written(junit, run));
    assert.equal(schemaErrors(root), []);
    for (const one of [root, ...elementsIn(root, 'testsuite')]) {
      const { tests, failures, errors } = one.attributes;
      const counted = ['testcase', 'failure', 'error'].map((name) => String(elementsIn(one, name).length));
      assert.equal([tests, failures, errors], counted);
    }
  });
}

report('has an error if no test ran or the run was interrupted', () => {
  const errors = [skippedRun, interruptedRun].map((run) => elementsIn(read(written(junit, run)), 'error')[0]);
  assert.equal(
    errors.map((error) => error?.attributes['message']),
    ['every test was skipped', 'interrupted by SIGINT'],
  );
});

report('replaces characters that XML cannot contain', () => {
  const [, second] = wholeRun.flatMap((event) => (event.type === 'file' ? [event.result] : []));
  assert.ok(second);
  const result = { ...second, output: 'nul \0, half \ud800, last \uffff, return \r.' };
  const output = elementsIn(
    read(
      written(junit, [
        { type: 'file', result },
        { type: 'finish', ms: 1 },
      ]),
    ),
    'system-out',
  ).at(-1);
  assert.is(output?.text, 'nul \ufffd, half \ufffd, last \ufffd, return \r.');
});

report.run();

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** Parses the text. Throws if it is not well-formed XML. */
function read(text: string): Element {
  const document: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [document];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes, children: [], text: '' };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('text', (piece) => {
    const last = open.at(-1);
    if (last) last.text += piece;
  });
  parser.on('closetag', () => void open.pop());
  parser.write(text).close();
  const [root] = document.children;
  if (root === undefined) throw new Error('no element');
  return root;
}

/** Returns all descendants with that name, in document order. */
function elementsIn(element: Element | undefined, name: string): Element[] {
  return (element?.children ?? []).flatMap((child) => [
    ...(child.name === name ? [child] : []),
    ...elementsIn(child, name),
  ]);
}

/** Attributes (`!` means required) and children of each element. */
const schema: Record<string, readonly [attributes: string, children: string]> = {
  testsuites: ['name time tests failures errors', 'testsuite'],
  testsuite: ['name! tests! failures! errors! time skipped timestamp', 'testcase system-out'],
  // The position of the test is not part of the schema.
  testcase: ['name! time classname file line', 'skipped error failure system-out'],
  failure: ['type message', ''],
  error: ['type message', ''],
  skipped: ['type message', ''],
  'system-out': ['', ''],
};

function schemaErrors({ name, attributes, children }: Element): string[] {
  const [known = '', inside = ''] = schema[name] ?? [];
  const names = known.split(' ');
  const given = Object.keys(attributes);
  const wrong = given.filter((key) => !names.includes(key) && !names.includes(`${key}!`));
  const missing = names.filter((key) => key.endsWith('!') && !given.includes(key.slice(0, -1)));
  const time = attributes['time'];
  return [
    ...(schema[name] === undefined ? [`<${name}>`] : []),
    ...[...wrong, ...missing].map((key) => `${key} of <${name}>`),
    ...(time !== undefined && !/^\d+\.\d{3}$/.test(time) ? [`time of <${name}>: ${time}`] : []),
    ...children
      .filter((child) => !inside.split(' ').includes(child.name))
      .map((child) => `<${child.name}> in <${name}>`),
    ...children.flatMap(schemaErrors),
  ];
}
