// Describes the first error of a check: the JSON pointer of the value, and the rule that it breaks.

/** The part of an error of Ajv that the text needs. */
interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Maximum length of a pointer, and of a name or a value in a text. Bodies are untrusted. */
const longest = 100;
const mostValues = 8;

/** Returns a text such as `/total must be >= 0`. The errors are those of one check, in the order of their discovery. */
export function faultText(errors: readonly SchemaError[]): string {
  // The error of `if` follows the one of `then` or `else`, which is more precise.
  const error = errors.findLast(({ keyword }) => keyword !== 'if') ?? errors.at(-1);
  if (error === undefined) return 'the body does not match the schema';
  const place = error.instancePath === '' ? 'the body' : shortened(error.instancePath);
  return `${place} ${ruleOf(error)}`;
}

function ruleOf({ keyword, message = `does not match "${keyword}"`, params }: SchemaError): string {
  const { additionalProperty, unevaluatedProperty, propertyName, allowedValues, allowedValue } = params;
  const extra = additionalProperty ?? unevaluatedProperty;
  if (extra !== undefined) return `must not have the property ${shown(extra)}`;
  if (keyword === 'propertyNames') return `must not have the property name ${shown(propertyName)}`;
  if (keyword === 'const') return `must be ${shown(allowedValue)}`;
  if (keyword === 'multipleOf') return `must be a multiple of ${shown(params['multipleOf'])}`;
  if (keyword === 'uniqueItems') return 'must not have equal items';
  if (keyword === 'enum' && Array.isArray(allowedValues) && allowedValues.length <= mostValues)
    return `must be one of ${allowedValues.map(shown).join(', ')}`;
  if (keyword === 'not') return "must not match the schema of 'not'";
  if (keyword === 'false schema') return 'is not allowed';
  if (keyword === 'type') return `must be ${typeText(params['type'])}`;
  return shortened(singular(message.replace('must NOT', 'must not')));
}

function singular(text: string): string {
  return text.replace(/\b1 (character|item)s\b/, '1 $1').replace(/\b1 properties\b/, '1 property');
}

/** Returns the types with their articles. */
function typeText(types: unknown): string {
  const names = String(types).split(',');
  return names.map((name) => (name === 'null' ? name : `${/^[aio]/.test(name) ? 'an' : 'a'} ${name}`)).join(' or ');
}

function shown(value: unknown): string {
  return shortened(JSON.stringify(value) ?? String(value));
}

function shortened(text: string): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
