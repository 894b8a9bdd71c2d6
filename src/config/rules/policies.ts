// Checks the policies and operator policies of a rascal.json.

import { definitionKeys } from '../fields/policy-fields.ts';
import { objectOf, stringOf } from '../plain.ts';
import { didYouMean, type Path, quote } from '../reading/problem.ts';
import type { Declared, DeclaredPolicy } from './declared.ts';
import { type RuleInput, unknownName } from './report.ts';

/** Reports policies of unknown vhosts, patterns that are not regular expressions, and empty definitions. */
export function checkPolicies({ file, report }: RuleInput): void {
  const vhosts = Object.keys(objectOf(file['vhosts']));
  for (const kind of ['policies', 'operatorPolicies']) {
    for (const [vhost, all] of Object.entries(objectOf(objectOf(file['mq'])[kind]))) {
      const at = ['mq', kind, vhost];
      if (!vhosts.includes(vhost)) report(at, 'reference', unknownName('vhost', vhost, vhosts));
      for (const [name, value] of Object.entries(objectOf(all))) {
        const { pattern, definition } = objectOf(value);
        const fault = patternFault(stringOf(pattern) ?? '');
        if (fault !== undefined) report([...at, name, 'pattern'], 'value', `is not a regular expression: ${fault}`);
        if (Object.keys(objectOf(definition)).length === 0 && definition !== undefined)
          report([...at, name, 'definition'], 'value', 'must not be empty');
      }
    }
  }
}

/** Syntax of PCRE that JavaScript does not have. */
const onlyPcre = /\(\?(?![:=!<])|\(\*|[+*?}]\+|\\Q|\(\?<[=!]/;

/**
 * Returns why a pattern does not compile, or `undefined` if it may be valid. RabbitMQ uses PCRE, and JavaScript's engine
 * checks what both have in common.
 */
function patternFault(pattern: string): string | undefined {
  if (onlyPcre.test(pattern)) return undefined;
  try {
    new RegExp(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error
      ? error.message.replace(/^Invalid regular expression: \/.*\/\w*: /s, '')
      : String(error);
  }
}

interface Warning {
  readonly path: Path;
  readonly message: string;
}

/** Returns warnings about settings that RabbitMQ does not know, and about policies whose order is not defined. */
export function policyWarnings(declared: Declared): Warning[] {
  return [...declared.policies.flatMap(unknownSettings), ...tiesOf(declared)];
}

function unknownSettings({ definition, at, isOperator }: DeclaredPolicy): Warning[] {
  const known = definitionKeys(isOperator ? 'operatorPolicies' : 'policies');
  const unknown = Object.keys(definition).filter((key) => !known.includes(key));
  return unknown.map((key) => {
    const kind = isOperator ? 'an operator policy' : 'a policy';
    const message = `RabbitMQ refuses ${kind} with this setting, unless a plugin defines it${didYouMean(key, known)}`;
    return { path: [...at, 'definition', key], message };
  });
}

/** RabbitMQ: only one policy applies to an object. It does not define which one, if several have the highest priority. */
function tiesOf({ policies, queues, exchanges }: Declared): Warning[] {
  const objects = [
    ...queues.map(({ name, vhost, type }) => ({ text: `queue ${quote(name)}`, name, vhost, type })),
    ...exchanges.map(({ name, vhost }) => ({ text: `exchange ${quote(name)}`, name, vhost, type: 'exchange' })),
  ];
  return policies.flatMap((policy, index) => {
    const rivals = policies
      .slice(0, index)
      .filter(
        (one) => one.isOperator === policy.isOperator && one.vhost === policy.vhost && one.priority === policy.priority,
      );
    for (const rival of rivals) {
      const shared = objects.find((one) => isAppliedTo(policy, one) && isAppliedTo(rival, one));
      if (shared === undefined) continue;
      const message = `has the same priority as ${quote(rival.name)}, and both match the ${shared.text}; RabbitMQ does not define which one applies`;
      return [{ path: policy.at, message }];
    }
    return [];
  });
}

/** Types of objects by `applyTo`. */
const typesOf: Readonly<Record<string, readonly string[]>> = {
  all: ['classic', 'quorum', 'stream', 'exchange'],
  queues: ['classic', 'quorum', 'stream'],
  classic_queues: ['classic'],
  quorum_queues: ['quorum'],
  streams: ['stream'],
  exchanges: ['exchange'],
};

interface NamedObject {
  readonly name: string;
  readonly vhost: string;
  readonly type: string;
}

function isAppliedTo({ vhost, pattern, applyTo }: DeclaredPolicy, one: NamedObject): boolean {
  if (vhost !== one.vhost || !typesOf[applyTo]?.includes(one.type)) return false;
  try {
    return new RegExp(pattern, 'u').test(one.name);
  } catch {
    return false;
  }
}
