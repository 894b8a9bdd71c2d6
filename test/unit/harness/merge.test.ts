// Tests that the JSON reports of a sharded run are merged into one report.

import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mergeReports } from '../../../src/harness/merge.ts';
import { json } from '../../../src/harness/report/json.ts';
import { junit } from '../../../src/harness/report/junit.ts';
import type { RunEvent } from '../../../src/harness/report/reporter.ts';
import { text } from '../../../src/harness/report/text.ts';
import { emptyFolder } from '../../support/mq.ts';
import { context, emptyShard, interruptedRun, wholeRun, written } from './report-run.ts';

const merge = suite('merged reports');

const shard = (name: string, events: readonly RunEvent[]) =>
  written(
    json,
    events.map((event) => (event.type === 'start' || event.type === 'finish' ? { ...event, shard: name } : event)),
  );

/** Writes each report to a file, merges the files, and returns the text report of the merged run. */
function joined(reports: Readonly<Record<string, string>>): string {
  const cwd = emptyFolder(reports);
  const paths = Object.keys(reports).map((name) => join(cwd, name));
  return written(text, mergeReports(paths, context.cwd)).replaceAll(`${cwd}/`, '');
}

merge('equal the report of the whole run in every format', () => {
  const cwd = emptyFolder({ '1.json': shard('1/2', wholeRun), '2.json': shard('2/2', emptyShard) });
  const events = mergeReports(
    ['1.json', '2.json'].map((name) => join(cwd, name)),
    context.cwd,
  );
  const whole = written(text, wholeRun).replace('\n\norder of files: --seed 7\n', '\n');
  assert.is(written(text, events), whole.replace('is used\n', 'is used\nshard 3/3: no test ran\n'));
  // The report contains the positions of failures, so the files are not needed.
  assert.is(written(junit, events, { read: () => undefined }), written(junit, wholeRun));
});

merge('print a note of several parts once', () => {
  const events: RunEvent[] = emptyShard.toSpliced(1, 0, { type: 'note', text: 'chaos with seed 1' });
  const text = joined({ '1.json': shard('1/2', events), '2.json': shard('2/2', events) });
  assert.is(text.split('chaos with seed 1').length, 2);
});

merge('report a part that is missing, incomplete or interrupted', () => {
  const whole = shard('1/3', wholeRun);
  assert.match(joined({ '1.json': whole }), /"shard 2\/3"|shard 2\/3\n {4}its report is missing[\s\S]*shard 3\/3\n/);
  assert.match(
    joined({ '1.json': `${written(json, wholeRun.slice(0, 3))}{"event":"te` }),
    /1\.json\n {4}the report is incomplete, because its run was killed\n[\s\S]*\n1 passed, 1 failed, 1 skipped\n$/,
  );
  assert.match(joined({ '1.json': written(json, interruptedRun) }), /1\.json\n {4}its run was interrupted by SIGINT\n/);
});

merge('refuse a file that is not a report, and a part that is given twice', () => {
  const whole = shard('1/2', wholeRun);
  const refused = (reports: Readonly<Record<string, string>>) => {
    try {
      joined(reports);
    } catch (error) {
      return (error as { code: string }).code;
    }
    return undefined;
  };
  assert.is(refused({ 'a.json': whole, 'b.json': whole }), 'BAD_DATA');
  assert.is(refused({ 'a.json': whole, 'b.json': shard('1/3', wholeRun) }), 'BAD_DATA');
  assert.is(refused({ 'a.xml': written(junit, wholeRun) }), 'BAD_DATA');
  assert.is(refused({ 'a.json': '' }), 'BAD_DATA');
  assert.throws(
    () => mergeReports(['gone.json'], context.cwd),
    ({ code }: { code: string }) => code === 'NO_INPUT',
  );
});

merge.run();
