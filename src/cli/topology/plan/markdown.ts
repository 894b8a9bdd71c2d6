// Formats a plan as Markdown for a comment on a pull request.

import { escaped } from '../../../errors.ts';
import { objectText } from '../../../topology/object-text.ts';
import type { Plan, PlannedDifference } from './plan-document.ts';
import {
  gapText,
  isPolicy,
  mergedText,
  notComparedText,
  otherLines,
  othersText,
  policyAdvice,
  policyJson,
  policyRiskText,
  propertiesText,
  riskText,
  totalsText,
  unfinishedText,
  valueText,
} from './words.ts';

/** Limits of rows and lines, because GitHub refuses a comment of more than 65,536 characters. */
const [mostRows, mostOthers] = [150, 50];

/** Returns a heading, a table with a row for each difference of an attribute, reasons, and what only the broker has. */
export function markdownOf(plan: Plan): string {
  const { file, against, vhosts, differences } = plan;
  const where = vhosts.length > 1 ? 'vhosts' : 'vhost';
  const compared = `${code(file ?? 'built-in rascal.json')} against ${code(against)}, ${where} ${vhosts.map(code).join(', ')}`;
  const rows = differences.flatMap((one) => rowsOf(one, vhosts.length > 1));
  const blocks = [
    `### Topology: ${totalsText(plan)}`,
    compared,
    ...(plan.notCompared.length === 0 ? [] : [`N${notComparedText(plan.notCompared).slice(1)}.`]),
    ...plan.merged.map((one) => `T${mergedText(one, code).slice(1)}.`),
    ...plan.unfinished.map((one) => `T${unfinishedText(one, code).slice(1)}.`),
    ...(rows.length === 0 ? [] : [tableOf(rows)]),
    ...reasonsOf(differences, vhosts.length > 1),
    ...othersOf(plan),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function tableOf(rows: readonly string[]): string {
  const more = rows.length - mostRows;
  const left = more > 0 ? [`| … | ${more} more rows; \`mq plan\` shows all | | | |`] : [];
  const header = ['| action | object | attribute | wanted | found |', '|---|---|---|---|---|'];
  return [...header, ...rows.slice(0, mostRows), ...left].join('\n');
}

function rowsOf(one: PlannedDifference, hasVhosts: boolean): string[] {
  const { action, exists, attributes, kind } = one;
  const mark = action === 'create' ? action : `**${action}**`;
  const object = `${objectText(one, cell)}${hasVhosts ? ` in ${cell(one.vhost)}` : ''}`;
  if (!exists) return [`| ${mark} | ${object} | ${propertiesText(one, cell)} | | |`];
  if (attributes.length === 0) return [`| ${mark} | ${object} | | | |`];
  return attributes.map(({ attribute, wanted, found, isRefused }, at) => {
    const name = `${cell(attribute)}${isRefused || isPolicy(kind) ? '' : ' (ignored in a declaration)'}`;
    return `| ${at === 0 ? `${mark} | ${object}` : ' | '} | ${name} | ${cell(valueText(wanted))} | ${cell(valueText(found))} |`;
  });
}

/** Returns a list item for each difference that is not removed by a creation, or that affects queues. */
function reasonsOf(differences: readonly PlannedDifference[], hasVhosts: boolean): string[] {
  const notable = differences.filter(({ action, policyRisk }) => action !== 'create' || policyRisk !== undefined);
  if (notable.length === 0) return [];
  const lines = notable.slice(0, mostOthers).map((one) => {
    const risks = [
      ...(one.risk === undefined ? [] : [riskText(one.risk, one, code)]),
      ...(one.policyRisk === undefined ? [] : [policyRiskText(one.policyRisk)]),
    ].map((text) => ` Risk: ${text}.`);
    const gap = one.risk?.typicalGapMs === undefined ? '' : ` Gap: ${gapText(one.risk.typicalGapMs)}.`;
    const instead =
      one.policy === undefined
        ? ''
        : ` Instead, a policy does the same: ${policyAdvice(one)}, and add ${code(policyJson(one.fileVhost ?? one.vhost, one.policy))}.`;
    const obstacles = (one.obstacles ?? []).map((obstacle) => ` In the way: ${code(obstacle)}.`);
    const where = hasVhosts ? ` in ${code(one.vhost)}` : '';
    return `- ${objectText(one, code)}${where}: ${one.why}.${risks.join('')}${gap}${obstacles.join('')}${instead}`;
  });
  return [[...lines, ...moreLine(notable.length)].join('\n')];
}

function othersOf({ others, vhosts }: Plan): string[] {
  const counts = othersText(others);
  if (counts === '') return [];
  const lines = others.flatMap((one) =>
    otherLines(one, code).map((text) => `- ${text}${vhosts.length > 1 ? ` in ${code(one.vhost)}` : ''}`),
  );
  return [
    `<details><summary>Not in rascal.json, and not part of the plan: ${counts}</summary>`,
    [...lines.slice(0, mostOthers), ...moreLine(lines.length)].join('\n'),
    '</details>',
  ];
}

function moreLine(count: number): string[] {
  return count > mostOthers ? [`- … and ${count - mostOthers} more`] : [];
}

/** Returns a code span for a cell of a table, where a `|` needs a backslash even in a span. */
function cell(text: string): string {
  return code(text).replaceAll('|', '\\|');
}

/** Returns a code span. Names come from the broker, so a span keeps them from being mentions, links or HTML. */
function code(text: string): string {
  if (text === '') return '(empty)';
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  const space = longest > 0 ? ' ' : '';
  return `${fence}${space}${escaped(text)}${space}${fence}`;
}
