// Exports the reports of a run to other folders.

export { openReports, planReports, type Reports, type Streams } from './report/outputs.ts';
export type { RunEvent } from './report/reporter.ts';
export { closingLine, emptiness, isGood, type Totals, totalsOf } from './report/totals.ts';
