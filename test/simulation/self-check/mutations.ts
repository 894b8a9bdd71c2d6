// Lists small changes of a source file, each of which is probably an error: another operator or constant, a negated
// condition, a removed statement, a removed await.

import { type Node, nodesOf } from '../../support/source.ts';

export interface Mutation {
  /** Line, from 1. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** Replacement of the text from `start` to `end`. */
  readonly instead: string;
}

type Span = Node & { readonly start: number; readonly end: number };

const operators: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '/',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  '+=': '-=',
  '-=': '+=',
};

/** Returns the mutations of a source. */
export function mutationsOf(path: string, source: string): Mutation[] {
  return nodesOf(path, source).flatMap(({ node, parent }) =>
    changesOf(node as Span, parent, source).map((change) => ({
      ...change,
      line: source.slice(0, change.start).split('\n').length,
    })),
  );
}

type Change = Omit<Mutation, 'line'>;

function changesOf(node: Span, parent: Node | undefined, source: string): Change[] {
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression':
      return otherOperator(node, source);
    case 'Literal':
      return otherLiteral(node, parent);
    case 'IfStatement':
    case 'ConditionalExpression':
    case 'WhileStatement':
      return [negated(node['test'] as Span, source)];
    case 'ExpressionStatement':
      return [{ start: node.start, end: node.end, instead: ';' }];
    case 'AwaitExpression':
      return [{ start: node.start, end: (node['argument'] as Span).start, instead: '' }];
    default:
      return [];
  }
}

function otherOperator(node: Span, source: string): Change[] {
  const [left, right] = [node['left'] as Span, node['right'] as Span];
  const operator = String(node['operator']);
  const instead = operators[operator];
  // A text that is joined by + is no arithmetic.
  const isText = [left, right].some(({ type, value }) => type === 'TemplateLiteral' || typeof value === 'string');
  if (instead === undefined || (operator === '+' && isText)) return [];
  const start = source.indexOf(operator, left.end);
  return start < right.start ? [{ start, end: start + operator.length, instead }] : [];
}

function otherLiteral({ start, end, value }: Span, parent: Node | undefined): Change[] {
  if (parent?.type.startsWith('TS')) return [];
  if (typeof value === 'boolean') return [{ start, end, instead: String(!value) }];
  if (typeof value === 'number') return [{ start, end, instead: String(value + 1) }];
  return [];
}

function negated({ start, end }: Span, source: string): Change {
  return { start, end, instead: `!(${source.slice(start, end)})` };
}
