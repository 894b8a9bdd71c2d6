// Formats a plan for a terminal.

import { escaped } from '../../../errors.ts';
import { wrapped } from '../../../terminal/wrap.ts';
import type { AttributeDifference, Difference } from '../../../topology/difference.ts';
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

/** Column of everything after the action. */
const indent = 9;
/** Maximum number of lines about objects that only the broker has. `--json` lists all of them. */
const mostOthers = 20;

/**
 * Returns the plan in lines of at most `width` columns, if no word is longer.
 * @param isAsked puts the objects of others before the changes, because a question about the changes follows
 */
export function textOf(plan: Plan, width: number, { isAsked = false } = {}): string {
  const hasVhosts = plan.vhosts.length > 1;
  const place = plan.source === 'definitions' ? 'in the definitions' : 'on the broker';
  const style = { width, hasVhosts, place };
  const file = plan.file ?? 'the built-in rascal.json';
  const where = hasVhosts ? '' : `, vhost ${escaped(plan.vhosts[0] ?? '/')}`;
  const others = othersBlock(plan, style);
  const blocks = [
    [
      wrapped(`${escaped(file)} against ${escaped(plan.against)}${where}`, { width, indent: 2 }),
      ...(plan.notCompared.length === 0 ? [] : [wrapped(notComparedText(plan.notCompared), { width, indent: 2 })]),
      ...plan.merged.map((one) => wrapped(mergedText(one, escaped), { width, indent: 2 })),
    ],
    ...(isAsked ? [others] : []),
    ...differenceBlocks(plan.differences, style),
    plan.unfinished.map((one) => wrapped(unfinishedText(one, escaped), { width, indent: 2 })),
    ...(isAsked ? [] : [others]),
    [totalsText(plan)],
  ].filter((block) => block.length > 0);
  return blocks.map((block) => block.map((line) => `${line}\n`).join('')).join('\n');
}

/** Returns a block for each difference. A created object is one line, so several of them form one block. */
function differenceBlocks(differences: readonly PlannedDifference[], style: Style): string[][] {
  const blocks: string[][] = [];
  let isShort = false;
  for (const one of differences) {
    const lines = differenceLines(one, style);
    if (isShort && lines.length === 1) blocks.at(-1)?.push(...lines);
    else blocks.push(lines);
    isShort = lines.length === 1;
  }
  return blocks;
}

/** Returns the next step, or `undefined` if there is nothing to do. */
export function hintOf(plan: Plan): string | undefined {
  const { source, create, update, replace, blocked, delete: deleted, unfinished } = plan;
  if (source === 'definitions' || unfinished.length > 0) return undefined;
  if (source === 'amqp') return create > 0 ? 'mq declare creates what is missing' : undefined;
  if (replace > 0 && blocked === 0 && !plan.differences.some(isRefused)) return ignoredHint;
  if (replace > 0) return 'mq apply --replace NAME replaces a queue without losing its messages or bindings';
  if (blocked > 0) return 'mq declare fails at the first difference that RabbitMQ refuses';
  if (deleted > 0) return 'mq apply --prune also deletes what rascal.json owns and no longer defines';
  if (update > 0) return 'mq apply creates what is missing and updates policies';
  return create > 0 ? 'mq apply creates what is missing' : undefined;
}

const ignoredHint =
  'RabbitMQ ignores the differences of existing objects in a declaration, so roles and mq declare work; to remove them, write the values of the broker into rascal.json';

function isRefused({ action, attributes }: PlannedDifference): boolean {
  return action === 'replace' && attributes.some((one) => one.isRefused);
}

interface Style {
  readonly width: number;
  readonly hasVhosts: boolean;
  /** Where values were found: `on the broker`. */
  readonly place: string;
}

function differenceLines(one: PlannedDifference, { width, hasVhosts, place }: Style): string[] {
  const { action, exists, attributes, why, risk, policyRisk, policy, obstacles = [] } = one;
  const properties = exists ? '' : propertiesText(one, escaped);
  const where = hasVhosts ? ` in vhost ${escaped(one.vhost)}` : '';
  const line = (text: string, more = 0) =>
    ' '.repeat(indent) +
    wrapped(text, { width: width - indent, indent: more }).replaceAll('\n', `\n${' '.repeat(indent)}`);
  return [
    action.padEnd(indent) +
      line(`${objectText(one, escaped)}${where}${properties && `: ${properties}`}`, 2).slice(indent),
    ...(exists ? attributes : []).map((each) => line(attributeText(each, { kind: one.kind, place }), 2)),
    ...(action === 'create' ? [] : [line(`why: ${why}`, 5)]),
    ...(risk === undefined ? [] : [line(`risk: ${riskText(risk, one, escaped)}`, 6)]),
    ...(risk?.typicalGapMs === undefined ? [] : [line(`gap: ${gapText(risk.typicalGapMs)}`, 5)]),
    ...(policyRisk === undefined ? [] : [line(`risk: ${policyRiskText(policyRisk)}`, 6)]),
    ...(policy === undefined
      ? []
      : [
          line(`instead: a policy does the same; ${escaped(policyAdvice(one))}, and add:`, 9),
          line(escaped(policyJson(one.fileVhost ?? one.vhost, policy)), 9),
        ]),
    ...obstacles.map((obstacle) => line(`in the way: ${escaped(obstacle)}`, 12)),
  ];
}

function attributeText(
  { attribute, wanted, found, isRefused }: AttributeDifference,
  { kind, place }: { kind: Difference['kind']; place: string },
): string {
  const ignored = isRefused || isPolicy(kind) ? '' : ' (RabbitMQ ignores this in a declaration)';
  return `${escaped(attribute)}: ${escaped(valueText(found))} ${place}, ${escaped(valueText(wanted))} in rascal.json${ignored}`;
}

function othersBlock({ others }: Plan, { width, hasVhosts }: Style): string[] {
  const counts = othersText(others);
  if (counts === '') return [];
  const lines = others.flatMap((one) =>
    otherLines(one, escaped).map((text) => (hasVhosts ? `${text} in vhost ${escaped(one.vhost)}` : text)),
  );
  const more = lines.length - mostOthers;
  return [
    wrapped(`not in rascal.json, and not part of the plan: ${counts}`, { width, indent: 2 }),
    ...lines.slice(0, mostOthers).map((text) => wrapped(`  ${text}`, { width, indent: 4 })),
    ...(more > 0 ? [`  … and ${more} more; --json lists all`] : []),
  ];
}
