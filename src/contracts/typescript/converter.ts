// Converts JSON Schemas to TypeScript types. A type may accept more than its schema, and never less: what TypeScript cannot
// express is left out, and becomes `unknown` if nothing else is known.

import { isObject, listOf, stringOf } from '../../config/plain.ts';
import { constraintsOf } from '../compatibility/same.ts';
import { childOf, childrenOf, keywordsOf, referencedBy, type SchemaNode, stepsOf } from '../schema-node.ts';
import {
  arrayOf,
  atom,
  documentation,
  intersectionOf,
  keyText,
  literalOf,
  neverType,
  objectType,
  type TypeText,
  unionOf,
  unknownBecause,
  unknownType,
} from './text.ts';

/** Where a schema is: the named types that are equal to it, and the `type` of the schema around it. */
interface Scope {
  /** Names that would refer to themselves. */
  readonly aliases: readonly string[];
  readonly types?: readonly unknown[] | undefined;
}

/** Keywords that describe objects and arrays, and have no effect on values of other types. */
const structural = ['properties', 'required', 'additionalProperties', 'patternProperties', 'items', 'prefixItems'];

export class Converter {
  /** Declarations of the named types, in the order in which they were found. */
  readonly declarations: string[] = [];
  /** Names of schemas. */
  readonly #names = new Map<unknown, string>();
  readonly #taken: Set<string>;

  /** @param reserved names that no type may have */
  constructor(reserved: readonly string[]) {
    this.#taken = new Set(reserved);
  }

  /** Returns the name of the type of a schema, or the type itself if the schema is `true` or `false`. */
  named(node: SchemaNode, scope: Scope = { aliases: [] }): TypeText {
    if (!isObject(node.schema)) return this.#type(node, scope);
    const known = this.#names.get(node.schema);
    if (known !== undefined)
      return scope.aliases.includes(known) ? unknownBecause('the schema refers to itself') : atom(known);
    const name = this.#newName(node);
    this.#names.set(node.schema, name);
    // The declaration belongs before those of the types that it uses.
    const index = this.declarations.push('') - 1;
    const { text } = this.#type(node, { aliases: [...scope.aliases, name] });
    const { title, description } = keywordsOf(node);
    this.declarations[index] = `${documentation([title, description])}export type ${name} = ${text};`;
    return atom(name);
  }

  #newName({ document, pointer }: SchemaNode): string {
    const last = stepsOf(pointer).at(-1) ?? document.file.replace(/^.*[\\/]|(\.schema)?\.json$/g, '');
    const words = last.match(/[A-Za-z0-9]+/g) ?? [];
    const joined = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
    const name = /^[A-Za-z]/.test(joined) ? joined : `Body${joined}`;
    let free = name;
    for (let number = 2; this.#taken.has(free); number++) free = `${name}${number}`;
    this.#taken.add(free);
    return free;
  }

  #type(node: SchemaNode, scope: Scope): TypeText {
    if (node.schema === false) return neverType;
    const constraints = constraintsOf(node);
    if (constraints.length === 0) return unknownType;
    const types = keywordsOf(node)['type'] === undefined ? scope.types : listOf(keywordsOf(node)['type']);
    const inner = { ...scope, types };
    const parts = [
      ...this.#reference(node, scope),
      ...this.#own(node, inner),
      ...childrenOf(node, 'allOf').map(([, child]) => this.#type(child, inner)),
      ...['anyOf', 'oneOf'].flatMap((keyword) => {
        const branches = childrenOf(node, keyword).map(([, child]) => this.#type(child, inner));
        return branches.length === 0 ? [] : [unionOf(branches)];
      }),
    ];
    if (parts.length > 0) return intersectionOf(parts);
    if (constraints.some((keyword) => structural.includes(keyword))) return unknownBecause('the schema has no "type"');
    return unknownBecause(`TypeScript has no type for ${constraints.join(', ')}`);
  }

  #reference(node: SchemaNode, scope: Scope): TypeText[] {
    const { $ref, $dynamicRef } = keywordsOf(node);
    if ($dynamicRef !== undefined) return [unknownBecause('a $dynamicRef has no fixed type')];
    if ($ref === undefined) return [];
    const target = referencedBy(node);
    return [target === undefined ? unknownBecause(`${stringOf($ref)} is not known`) : this.named(target, scope)];
  }

  /** Returns the type by `const`, `enum` and `type`, and by the keywords of objects and arrays. */
  #own(node: SchemaNode, { types }: Scope): TypeText[] {
    const { const: value, enum: values } = keywordsOf(node);
    if (value !== undefined) return [literalOf(value)];
    if (Array.isArray(values)) return [unionOf(values.filter((one) => hasType(one, types)).map(literalOf))];
    if (types === undefined) return [];
    return [unionOf(types.map((type) => this.#ofType(node, type)))];
  }

  #ofType(node: SchemaNode, type: unknown): TypeText {
    if (type === 'object') return this.#object(node);
    if (type === 'array') return this.#array(node);
    return atom(type === 'integer' ? 'number' : String(type));
  }

  #object(node: SchemaNode): TypeText {
    const properties = childrenOf(node, 'properties');
    const required = new Set(listOf(keywordsOf(node)['required']));
    const rest = this.#rest(node);
    const members = properties.map(([name, child]) => {
      const { title, description, deprecated } = keywordsOf(child);
      const comment = documentation([title, description, deprecated === true ? '@deprecated' : undefined]);
      return `${comment}${keyText(name)}${required.has(name) ? '' : '?'}: ${this.#inside(child).text};`;
    });
    const named = new Set<unknown>(properties.map(([name]) => name));
    const others = [...required].filter((name) => typeof name === 'string' && !named.has(name));
    members.push(...others.map((name) => `${keyText(String(name))}: ${rest.text};`));
    const hasNames = members.length > 0;
    // In TypeScript all named properties must have the type of the index signature.
    if (rest.text !== 'never') members.push(`[key: string]: ${hasNames ? 'unknown' : rest.text};`);
    return objectType(members);
  }

  /** Returns the type of the properties that have no name in the schema, or `never` if there are no others. */
  #rest(node: SchemaNode): TypeText {
    const patterns = childrenOf(node, 'patternProperties').map(([, child]) => this.#inside(child));
    const additional = childOf(node, 'additionalProperties');
    const rest = additional === undefined ? unknownType : this.#inside(additional);
    return unionOf([...patterns, rest]);
  }

  #array(node: SchemaNode): TypeText {
    const { minItems, maxItems } = keywordsOf(node);
    const items = childOf(node, 'items');
    const rest = items === undefined ? unknownType : this.#inside(items);
    const prefix = childrenOf(node, 'prefixItems').map(([, child]) => this.#inside(child));
    const closed = typeof maxItems === 'number' && maxItems <= prefix.length;
    if (prefix.length === 0) return closed || rest.text === 'never' ? atom('[]') : arrayOf(rest);
    const count = typeof minItems === 'number' ? minItems : 0;
    const shown = closed ? prefix.slice(0, maxItems) : prefix;
    const elements = shown.map((one, index) => (index < count ? one.text : `(${one.text})?`));
    const isOpen = !closed && rest.text !== 'never';
    return atom(`[${[...elements, ...(isOpen ? [`...${arrayOf(rest).text}`] : [])].join(', ')}]`);
  }

  /** Returns the type of a property or an item. */
  #inside(node: SchemaNode): TypeText {
    return this.#type(node, { aliases: [] });
  }
}

function hasType(value: unknown, types: readonly unknown[] | undefined): boolean {
  if (types === undefined) return true;
  if (value === null) return types.includes('null');
  if (Array.isArray(value)) return types.includes('array');
  if (typeof value === 'number')
    return types.includes('number') || (types.includes('integer') && Number.isInteger(value));
  return types.includes(typeof value);
}
