// The reports of a run, for who is outside this folder.

export { openReports, planReports, type Reports, type Streams } from './report/outputs.ts';
export type { RunEvent } from './report/reporter.ts';
export { closingLine, emptiness, isGood, type Totals, totalsOf } from './report/totals.ts';
