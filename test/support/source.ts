// Reads a source file of TypeScript or JavaScript as a syntax tree, for the tests that check the sources themselves.

import { parseSync } from 'oxc-parser';

/** A node of the syntax tree (ESTree with TypeScript's nodes). */
export interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Import {
  readonly specifier: string;
  /** `true` if stripping the types removes the import. */
  readonly isType: boolean;
  /** `true` for `import()` and `require`, which load the file when the code runs. */
  readonly isLate: boolean;
}

export interface Comment {
  readonly type: 'Line' | 'Block';
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

interface Place {
  readonly node: Node;
  readonly parent: Node | undefined;
}

interface Parsed {
  readonly nodes: readonly Place[];
  readonly comments: readonly Comment[];
}

/** Parsed files by path and text, because several rules read the same file. */
const parsed = new Map<string, Parsed>();

/** Returns every node of the tree with its parent, parents first. Throws an Error if the text cannot be parsed. */
export function nodesOf(path: string, text: string): readonly Place[] {
  return parsedOf(path, text).nodes;
}

/** Returns the comments in order. Throws an Error if the text cannot be parsed. */
export function commentsOf(path: string, text: string): readonly Comment[] {
  return parsedOf(path, text).comments;
}

function parsedOf(path: string, text: string): Parsed {
  const key = `${path}\0${text}`;
  const known = parsed.get(key) ?? parse(path, text);
  parsed.set(key, known);
  return known;
}

function parse(path: string, text: string): Parsed {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const nodes: Place[] = [];
  const visit = (value: unknown, parent: Node | undefined): void => {
    if (Array.isArray(value)) for (const one of value) visit(one, parent);
    else if (isNode(value)) {
      nodes.push({ node: value, parent });
      // Most fields are texts and numbers. Object.entries would make a list for each node.
      for (const field in value) {
        const child = value[field];
        if (typeof child === 'object' && field !== 'parent') visit(child, value);
      }
    }
  };
  visit(program, undefined);
  return { nodes, comments };
}

/** Returns the imports of a file: `import`, `export … from`, `import()`, `import('…').Type`, and calls of `require`. */
export function importsOf(path: string, text: string): Import[] {
  return nodesOf(path, text).flatMap(({ node }) => {
    const found = importOf(node);
    return found === undefined ? [] : [found];
  });
}

function importOf(node: Node): Import | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return imported(node['source'], {
        isType: node['importKind'] === 'type' || areTypes(node['specifiers'], 'importKind'),
      });
    case 'ExportNamedDeclaration':
      return imported(node['source'], {
        isType: node['exportKind'] === 'type' || areTypes(node['specifiers'], 'exportKind'),
      });
    case 'ExportAllDeclaration':
      return imported(node['source'], { isType: node['exportKind'] === 'type' });
    case 'ImportExpression':
      return imported(node['source'], { isType: false, isLate: true });
    case 'TSImportType':
      return imported(node['source'] ?? node['argument'], { isType: true });
    case 'CallExpression':
      return isRequire(node['callee'])
        ? imported((node['arguments'] as unknown[])[0], { isType: false, isLate: true })
        : undefined;
    default:
      return undefined;
  }
}

function imported(
  source: unknown,
  { isType, isLate = false }: { isType: boolean; isLate?: boolean },
): Import | undefined {
  const literal = isNode(source) && source.type === 'TSLiteralType' ? source['literal'] : source;
  const value = isNode(literal) && literal.type === 'Literal' ? literal['value'] : undefined;
  return typeof value === 'string' ? { specifier: value, isType, isLate } : undefined;
}

/** Returns `true` for `import { type A, type B }`. An import without names imports no type. */
function areTypes(specifiers: unknown, kind: string): boolean {
  const all = specifiers as readonly Node[];
  return all.length > 0 && all.every((one) => one[kind] === 'type');
}

/** Returns `true` for `require`, `require.resolve`, `createRequire(…)`, and a member of these. */
function isRequire(callee: unknown): boolean {
  if (!isNode(callee)) return false;
  if (callee.type === 'Identifier') return callee['name'] === 'require';
  if (callee.type === 'MemberExpression') return isRequire(callee['object']);
  const made = callee.type === 'CallExpression' ? callee['callee'] : undefined;
  return isNode(made) && made.type === 'Identifier' && made['name'] === 'createRequire';
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}
