// Writes failures as GitHub Actions annotations with file and line, and one notice with the counts.

import { annotation } from '../../terminal/annotation.ts';
import type { FileResult } from '../file-run.ts';
import type { FileFailure } from '../verdict.ts';
import { pathFrom, placeOf } from './place.ts';
import type { ReportContext, Reporter } from './reporter.ts';
import { closingLine, emptiness, totalsOf } from './totals.ts';

/** The GitHub reporter. The text report may be interleaved with its lines. */
export const github: Reporter = (context) => {
  const results: FileResult[] = [];
  return (event) => {
    if (event.type === 'file') {
      results.push(event.result);
      return event.result.failures.map((failure) => annotationOf(failure, event.result, context)).join('');
    }
    if (event.type !== 'finish') return '';
    const totals = totalsOf(results);
    const { interrupted, shard } = event;
    const empty = interrupted === undefined ? emptiness(totals, shard) : `interrupted by ${interrupted}`;
    const error = empty === undefined ? '' : annotation('error', { title: 'mq test' }, empty);
    return error + annotation('notice', { title: 'mq test' }, closingLine(totals));
  };
};

function annotationOf(failure: FileFailure, result: FileResult, { repository, read }: ReportContext): string {
  const { message, details, title, roles } = failure;
  const place = placeOf(failure, result, read);
  const properties = {
    file: pathFrom(repository, place.file),
    line: String(place.line),
    ...(place.column !== undefined && { col: String(place.column) }),
    title,
  };
  const parts = [message, details, roles].filter((part) => part !== undefined);
  return annotation('error', properties, parts.join('\n'));
}
