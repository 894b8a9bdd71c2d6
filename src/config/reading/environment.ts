// Replaces ${NAME} and ${NAME:-default} in string values with environment variables. Keys are not changed.

import type { LocatedValue } from './item.ts';
import type { Finding } from './problem.ts';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the tree with its variables replaced. `$${` is a literal `${`. As in a shell, the default also applies to an
 * empty variable.
 */
export function replaceVariables(
  tree: LocatedValue,
  { env, text }: { env: Environment; text: string },
): { tree: LocatedValue; findings: Finding[] } {
  const findings: Finding[] = [];
  return { tree: filled(tree), findings };

  function filled(item: LocatedValue): LocatedValue {
    if (item.kind === 'array') return { ...item, elements: item.elements.map(filled) };
    if (item.kind === 'object') {
      return { ...item, entries: item.entries.map((entry) => ({ ...entry, value: filled(entry.value) })) };
    }
    return item.kind === 'string' && item.value.includes('${') ? { ...item, value: replaced(item) } : item;
  }

  function replaced(item: LocatedValue & { kind: 'string' }): string {
    let from = item.offset;
    return item.value.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (match, inner: string | undefined, close: string) => {
      if (inner === undefined) return '${';
      const found = text.indexOf(match, from);
      const offset = found === -1 ? item.offset : found;
      if (found !== -1) from = found + match.length;
      const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/.exec(inner) ?? [];
      if (name === undefined || close === '') {
        const message = 'invalid variable; write ${NAME} or ${NAME:-default}, or $${ for a literal ${';
        findings.push({ code: 'value', path: item.path, offset, message });
        return '';
      }
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
      if (value === undefined) {
        const message = `the environment variable ${name} is not set; set it, or write a default: \${${name}:-default}`;
        findings.push({ code: 'undefined-variable', path: item.path, offset, message });
      }
      return value ?? '';
    });
  }
}
