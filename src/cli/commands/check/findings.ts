// Prints the findings of mq check --live: as text, as JSON lines, or as annotations for GitHub Actions.

import type { Target } from '../../../config/target.ts';
import type { Context } from '../../../context.ts';
import { escaped, safeJson } from '../../../errors.ts';
import { annotation } from '../../../terminal/annotation.ts';
import { widthOf, wrapped } from '../../../terminal/wrap.ts';
import type { AuditFinding } from '../../../topology/audit.ts';
import type { Values } from '../../arguments/values.ts';

/** A finding, or a row that states what the user may not see. */
export type LiveFinding =
  | AuditFinding
  | (Omit<AuditFinding, 'kind'> & { readonly kind: 'vhost' | 'connections'; readonly code: 'not-visible' });

interface Report {
  readonly findings: readonly LiveFinding[];
  readonly origin: string;
  readonly version: string;
  readonly rules: Target;
  readonly vhost: string | undefined;
  /** The user whose vhosts were checked, if the user may not list all vhosts. */
  readonly vhostsOf: string | undefined;
}

export async function printFindings({ stdout }: Context, values: Values, report: Report): Promise<void> {
  const { findings } = report;
  if (values.flag('json')) for (const one of findings) stdout.write(`${safeJson(one)}\n`);
  else if (values.text('report') === 'github') for (const one of findings) stdout.write(annotationOf(one));
  else {
    const style = { width: widthOf(stdout), codeWidth: Math.max(0, ...findings.map(({ code }) => code.length)) };
    for (const one of findings) stdout.write(findingText(one, style));
    stdout.write(`${wrapped(summaryOf(report), { width: style.width, indent: 2 })}\n`);
  }
}

function annotationOf(one: LiveFinding): string {
  const { severity, code, message, instead } = one;
  const advice = instead === undefined ? '' : `\ninstead: ${escaped(instead)}`;
  return annotation(severity, { title: code }, `${escaped(`${objectText(one)}: ${message}`)}${advice}`);
}

/** Returns a line with severity, code and object, then the message and the advice. */
function findingText(one: LiveFinding, { width, codeWidth }: { width: number; codeWidth: number }): string {
  const { severity, code, message, instead } = one;
  const indent = 'warning  '.length;
  const line = (text: string, more: number) => ' '.repeat(indent) + wrapped(text, { width, indent: indent + more });
  const lines = [
    `${severity.padEnd(indent)}${code.padEnd(codeWidth)}  ${escaped(objectText(one))}`,
    line(escaped(message), 0),
    ...(instead === undefined ? [] : [line(escaped(`instead: ${instead}`), 'instead: '.length)]),
  ];
  return `${lines.join('\n')}\n\n`;
}

function objectText({ kind, name, vhost }: LiveFinding): string {
  return `${kind} ${name}${vhost === undefined || kind === 'vhost' ? '' : ` in vhost ${vhost}`}`;
}

function summaryOf({ findings, origin, version, rules, vhost, vhostsOf }: Report): string {
  const count = (severity: string, word: string) => {
    const number = findings.filter((one) => one.severity === severity).length;
    return number === 0 ? [] : [`${number} ${word}${number === 1 ? '' : 's'}`];
  };
  const totals = [...count('error', 'error'), ...count('warning', 'warning')];
  const all = vhostsOf === undefined ? 'all vhosts' : `all vhosts of the user ${escaped(vhostsOf)}`;
  const where = vhost === undefined ? all : `vhost ${escaped(vhost)}`;
  const place = `RabbitMQ ${escaped(version)} at ${escaped(origin)}, ${where}, rules of ${rules}`;
  return `${totals.length === 0 ? 'no finding' : totals.join(', ')} (${place})`;
}
