// Defines the outcomes of a message, which are the table of .github/docs/retries-and-dead-letters.md.
// `test/scenarios/outcome-table.test.ts` runs each of its rows, and `test/unit/docs/outcome-table.test.ts` compares the page with it.

export type Fate = 'done' | 'again' | 'back' | 'dead' | 'dropped';

export interface OutcomeRow {
  /** The exit status of --exec, which is the body of the message in the test. */
  readonly status: string;
  readonly outcome: string;
  /** The value of --on-fail, or `retry: false` in rascal.json. `undefined` if the outcome does not depend on it. */
  readonly onFail: string | undefined;
  readonly fate: Fate;
  /** `true` if the role ends with 1. */
  readonly isEnd?: boolean;
}

export const policies = ['retry', 'dead-letter', 'requeue', 'drop', 'exit', 'retry: false'];

export const outcomeRows: readonly OutcomeRow[] = [
  { status: '0', outcome: 'ack', onFail: undefined, fate: 'done' },
  { status: '1', outcome: 'retry', onFail: 'retry', fate: 'again' },
  { status: '1', outcome: 'retry', onFail: 'dead-letter', fate: 'dead' },
  { status: '1', outcome: 'retry', onFail: 'requeue', fate: 'back' },
  { status: '1', outcome: 'retry', onFail: 'drop', fate: 'dropped' },
  { status: '1', outcome: 'retry', onFail: 'exit', fate: 'back', isEnd: true },
  { status: '1', outcome: 'retry', onFail: 'retry: false', fate: 'dropped' },
  { status: '3', outcome: 'dead-letter', onFail: undefined, fate: 'dead' },
  { status: '3', outcome: 'dead-letter', onFail: 'retry: false', fate: 'dropped' },
  { status: '4', outcome: 'requeue', onFail: undefined, fate: 'back' },
  { status: '79', outcome: 'stop', onFail: undefined, fate: 'back', isEnd: true },
];

/** Returns the row for a status and a policy. A row with the policy has precedence. */
export function rowFor(status: string, policy: string): OutcomeRow {
  const rows = outcomeRows.filter((row) => row.status === status);
  const row = rows.find(({ onFail }) => onFail === policy) ?? rows.find(({ onFail }) => onFail === undefined);
  if (!row) throw new Error(`no row for ${status} under ${policy}`);
  return row;
}

/** Returns the table as Markdown. */
export function outcomeTable(): string {
  const lines = outcomeRows.map((row) => {
    const { status, outcome, onFail, isEnd } = row;
    const end = isEnd ? ', and the role ends with 1' : '';
    const policy = onFail === undefined ? 'any' : `\`${onFail}\``;
    return `| \`${outcome}\` | ${exits[status]} | ${policy} | ${onQueue(row)}${end} | ${onStream(row)}${end} |`;
  });
  const heads = [
    'outcome',
    'exit status of `--exec`',
    '`--on-fail`',
    'classic or quorum queue (embedded, 4.0, 4.3)',
    'stream (embedded, 4.0, 4.3)',
  ];
  return [`| ${heads.join(' | ')} |`, '|---|---|---|---|---|', ...lines].join('\n');
}

const exits: Readonly<Record<string, string>> = {
  '0': '0',
  '1': '75, any other, a signal, the deadline',
  '3': '3, 5',
  '4': '4, 6',
  '79': '79',
};

function onQueue({ fate, status }: OutcomeRow): string {
  if (status === '79') return 'returned to its queue after 3 s';
  return {
    done: 'acknowledged',
    again: 'delivered again after its delay; dead-lettered after the last attempt',
    back: 'delivered again after 3 s; dead-lettered after the last permitted return',
    dead: 'dead-lettered',
    dropped: 'dropped, with a line in the log',
  }[fate];
}

function onStream({ fate, isEnd }: OutcomeRow): string {
  if (isEnd) return 'stays in the stream';
  return {
    done: 'acknowledged',
    again: 'handled again by the same worker after its delay; dead-lettered after the last attempt',
    back: 'handled again by the same worker after 3 s; dead-lettered after 20 times',
    dead: 'dead-lettered',
    dropped: 'skipped, with a line in the log',
  }[fate];
}
