// Visits the subschemas of a JSON Schema of draft 2020-12.

import type { Path } from '../config/check.ts';
import { isObject, objectOf, type Plain } from '../config/plain.ts';

/** Keywords whose value is a schema. */
const schemaKeywords = words(
  'additionalProperties unevaluatedProperties unevaluatedItems items contains not if then else propertyNames contentSchema',
);
/** Keywords whose value is an object of schemas. */
const mapKeywords = words('properties patternProperties $defs definitions dependentSchemas');
/** Keywords whose value is a list of schemas. */
const listKeywords = words('allOf anyOf oneOf prefixItems');

/** All keywords of the draft, and those that it inherits from earlier ones. */
export const keywords = [
  ...schemaKeywords,
  ...mapKeywords,
  ...listKeywords,
  ...words(
    '$schema $id $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment title description default examples',
  ),
  ...words(
    'deprecated readOnly writeOnly type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum',
  ),
  ...words(
    'maxLength minLength pattern maxItems minItems uniqueItems maxContains minContains maxProperties minProperties',
  ),
  ...words('required dependentRequired format contentEncoding contentMediaType dependencies'),
];

/** A subschema that is an object, its path in its document, and the base URI of its references. */
export interface Subschema {
  readonly schema: Plain;
  readonly path: Path;
  readonly base: string;
}

/** Yields the schema and all its subschemas, each before its own subschemas. */
export function* subschemas(value: unknown, base: string, path: Path = []): Generator<Subschema> {
  if (!isObject(value)) return;
  const own = baseOf(value, base);
  yield { schema: value, path, base: own };
  for (const keyword of schemaKeywords) yield* subschemas(value[keyword], own, [...path, keyword]);
  for (const keyword of mapKeywords)
    for (const [name, one] of Object.entries(objectOf(value[keyword])))
      yield* subschemas(one, own, [...path, keyword, name]);
  for (const keyword of listKeywords) {
    const list = value[keyword];
    if (!Array.isArray(list)) continue;
    for (const [index, one] of list.entries()) yield* subschemas(one, own, [...path, keyword, index]);
  }
}

/** Returns the base URI of a schema: its `$id` resolved against the outer base, otherwise the outer base. */
export function baseOf({ $id }: Plain, outer: string): string {
  return typeof $id === 'string' ? (resolved($id, outer) ?? outer) : outer;
}

/** Returns a URI reference resolved against a base, or `undefined` if that is not possible. */
export function resolved(reference: string, base: string): string | undefined {
  return URL.parse(reference, base)?.href;
}

function words(text: string): readonly string[] {
  return text.split(' ');
}
