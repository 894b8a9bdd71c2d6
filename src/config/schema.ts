// Generates the JSON Schema of rascal.json from the table of fields. It is draft 7, which editors support best.

import type { Field, Fields, Kind } from './fields/field.ts';
import { rootField } from './fields/fields.ts';

type Schema = Record<string, unknown>;

/** Returns the whole schema. It refuses unknown keys in the same places as `mq check`. */
export function jsonSchema(): Record<string, unknown> {
  const definitions: Record<string, Schema> = {};
  const root = schemaOf(rootField, definitions);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'rascal.json for mq',
    ...root,
    definitions,
  };
}

function schemaOf(field: Field, definitions: Record<string, Schema>): Schema {
  const { definition } = field;
  if (definition === undefined) return inline(field, definitions);
  if (definitions[definition] === undefined) {
    definitions[definition] = {};
    definitions[definition] = inline(field, definitions);
  }
  return { $ref: `#/definitions/${definition}` };
}

function inline(field: Field, definitions: Record<string, Schema>): Schema {
  const { is, description, min, max, items, minItems, required, maxBytes, keyBytes, oneLine } = field;
  const types = [...new Set([...is.map((kind) => typeNames[kind]), ...(fromVariable(field) ? ['string'] : [])])];
  const line = oneLine ? { pattern: '^[^\\r\\n]*$' } : {};
  return {
    description,
    ...(types.length === 0 ? {} : { type: types.length === 1 ? types[0] : types }),
    ...strings(field),
    ...(maxBytes === undefined ? {} : { maxLength: maxBytes, ...line }),
    ...(min === undefined ? {} : { minimum: min }),
    ...(max === undefined ? {} : { maximum: max }),
    ...(items === undefined ? {} : { items: schemaOf(items, definitions) }),
    ...(minItems === undefined ? {} : { minItems }),
    ...(required === undefined ? {} : { required }),
    ...(keyBytes === undefined ? {} : { propertyNames: { maxLength: keyBytes, ...line } }),
    ...keys(field, definitions),
  };
}

const typeNames: Readonly<Record<Kind, string>> = {
  string: 'string',
  digits: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  array: 'array',
  object: 'object',
};

// Any string that contains a variable is accepted, because an editor does not know the variable's value.
const variable = { pattern: '\\$\\{' };

/** Reports whether a number or boolean may be written as "${NAME}". */
function fromVariable({ is }: Field): boolean {
  const isScalar = is.some((kind) => kind === 'integer' || kind === 'number' || kind === 'boolean');
  return isScalar && !is.includes('string') && !is.includes('digits');
}

function strings(field: Field): Schema {
  const { is, values, prefix, unit } = field;
  if (unit) return { pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)?$|\\$\\{' };
  if (fromVariable(field)) return variable;
  if (is.includes('digits') && !is.includes('string')) return { pattern: '^\\d+$|\\$\\{' };
  if (values === undefined) return {};
  return { anyOf: [{ enum: values }, ...(prefix === undefined ? [] : [{ pattern: `^${prefix}` }]), variable] };
}

function keys({ fields, entries, open }: Field, definitions: Record<string, Schema>): Schema {
  if (fields === undefined && entries === undefined) return {};
  return {
    ...(fields === undefined ? {} : { properties: properties(fields, definitions) }),
    additionalProperties: entries === undefined ? open === true : schemaOf(entries, definitions),
  };
}

function properties(fields: Fields, definitions: Record<string, Schema>): Schema {
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, schemaOf(field, definitions)]));
}
