// Parses the text of rascal.json into a tree of items with offsets. Reports syntax errors and duplicate keys.

import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { LocatedValue, Member } from './item.ts';
import { type Finding, type Path, quote } from './problem.ts';

/** Parses the text. `tree` is `undefined` if the text is not JSON. */
export function parse(text: string): { tree?: LocatedValue; findings: Finding[] } {
  if (text.trim() === '') return { findings: [syntaxFinding(0, 'the file is empty')] };
  const errors: ParseError[] = [];
  try {
    const node = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
    if (errors.length > 0 || node === undefined) return { findings: syntaxFindings(text, errors) };
    const findings: Finding[] = [];
    return { tree: itemOf(node, [], findings), findings };
  } catch (error) {
    // jsonc-parser is recursive: brackets nested thousands deep overflow the stack.
    if (error instanceof RangeError) return { findings: [syntaxFinding(0, 'nested too deeply')] };
    throw error;
  }
}

const wordings: Readonly<Record<string, string>> = {
  InvalidSymbol: 'unexpected token',
  InvalidNumberFormat: 'invalid number',
  PropertyNameExpected: 'expected a key in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected a colon',
  CommaExpected: 'expected a comma',
  CloseBraceExpected: 'missing closing brace',
  CloseBracketExpected: 'missing closing bracket',
  EndOfFileExpected: 'unexpected token after the end of the object',
  InvalidCommentToken: 'JSON does not allow comments',
  UnexpectedEndOfComment: 'JSON does not allow comments',
  UnexpectedEndOfString: 'unterminated string',
  UnexpectedEndOfNumber: 'incomplete number',
  InvalidUnicode: 'invalid Unicode escape',
  InvalidEscapeCharacter: 'invalid escape in the string',
  InvalidCharacter: 'control character in the string; write it as an escape',
};

// Returns the first syntax error of each line, because one error causes jsonc-parser to report others after it. An
// error at the end of the text is returned only if it is the first.
function syntaxFindings(text: string, errors: readonly ParseError[]): Finding[] {
  const findings: Finding[] = [];
  let lineEnd = -1;
  for (const { error, offset, length } of errors) {
    if (offset <= lineEnd || (findings.length > 0 && length === 0)) continue;
    const afterComma = /,\s*$/.test(text.slice(0, offset)) && /[}\]]/.test(text[offset] ?? '');
    const wording = wordings[printParseErrorCode(error)] ?? 'unexpected token';
    findings.push(syntaxFinding(offset, afterComma ? 'unexpected comma before the closing bracket' : wording));
    const end = text.indexOf('\n', offset);
    lineEnd = end === -1 ? text.length : end;
  }
  return findings.length > 0 ? findings : [syntaxFinding(0, 'unexpected token')];
}

function syntaxFinding(offset: number, message: string): Finding {
  return { code: 'syntax', path: [], offset, message };
}

function itemOf(node: Node, path: Path, findings: Finding[]): LocatedValue {
  const place = { path, offset: node.offset };
  const children = node.children ?? [];
  switch (node.type) {
    case 'object':
      return { ...place, kind: 'object', entries: entriesOf(children, path, findings) };
    case 'array':
      return {
        ...place,
        kind: 'array',
        elements: children.map((child, index) => itemOf(child, [...path, index], findings)),
      };
    case 'string':
      return { ...place, kind: 'string', value: String(node.value), written: String(node.value) };
    case 'number':
      return { ...place, kind: 'number', value: Number(node.value) };
    case 'boolean':
      return { ...place, kind: 'boolean', value: node.value === true };
    default:
      return { ...place, kind: 'null', value: null };
  }
}

/** Returns the entries of an object. Reports duplicate keys and a key that cannot be used. */
function entriesOf(children: readonly Node[], path: Path, findings: Finding[]): Member[] {
  const seen = new Set<string>();
  return children.flatMap(({ children: [keyNode, valueNode] = [] }) => {
    if (keyNode === undefined || valueNode === undefined) return [];
    const key = String(keyNode.value);
    const at = { path: [...path, key], offset: keyNode.offset };
    if (seen.has(key)) findings.push({ code: 'duplicate', ...at, message: 'duplicate key; remove one of the two' });
    seen.add(key);
    // In Rascal, an assignment to this key is ignored or replaces the prototype of the object.
    if (key === '__proto__') findings.push({ code: 'value', ...at, message: `${quote(key)} is not allowed as a name` });
    return [{ key, keyOffset: keyNode.offset, value: itemOf(valueNode, at.path, findings) }];
  });
}
