// Exports the functions and types of report/ that other folders use.

export { openReports, planReports, type Reports, type Streams } from './report/outputs.ts';
export type { RunEvent } from './report/reporter.ts';
export { closingLine, emptiness, isGood, type Totals, totalsOf } from './report/totals.ts';
