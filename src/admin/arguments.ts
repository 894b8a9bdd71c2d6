// Parses command-line values that are not plain text: JSON, queue arguments, tags.

import { isObject } from '../config/plain.ts';
import { asMqError } from '../errors.ts';
import { nearest } from '../terminal/nearest.ts';
import type { Call } from './action.ts';
import type { ApiObject } from './json.ts';

/** Parses JSON in an argument. Throws USAGE if it is not JSON. */
export function jsonOf(call: Call, name: string): unknown {
  try {
    return JSON.parse(call.arg(name));
  } catch (error) {
    throw call.usage(`the ${name} is not JSON: ${asMqError(error).message}`);
  }
}

/** Parses a JSON object in an argument. Throws USAGE for any other value. */
export function objectArgument(call: Call, name: string): ApiObject {
  const value = jsonOf(call, name);
  if (isObject(value)) return value;
  throw call.usage(`the ${name} must be a JSON object, such as {"max-length":1000}`);
}

/** Parses `--argument NAME=VALUE`. Numbers, true, false and JSON become values of their type. Other values are text. */
export function argumentsOf(call: Call): ApiObject {
  const pairs = call.list('argument').map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw call.usage(`--argument must be NAME=VALUE, not '${pair}'`);
    return [pair.slice(0, at), readable(pair.slice(at + 1))] as const;
  });
  return Object.fromEntries(pairs);
}

function readable(text: string): unknown {
  if (!/^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?|true|false|[{["].*)$/s.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    // JavaScript would round an integer above 2^53, so such an integer stays text.
    return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) ? text : value;
  } catch {
    return text;
  }
}

/** Tags of https://www.rabbitmq.com/docs/management#permissions and https://www.rabbitmq.com/docs/validated-user-id. */
const knownTags = ['administrator', 'monitoring', 'policymaker', 'management', 'impersonator'];

/**
 * Parses tags. Throws USAGE for a misspelled tag of RabbitMQ. Accepts other tags with a note, because plugins and
 * programs may use them.
 */
export function tagsOf(call: Call): string[] {
  const tags = call.rest.flatMap((typed) => typed.split(',')).map((tag) => tag.trim());
  for (const tag of tags) {
    if (tag === '') throw call.usage('a tag is empty');
    if (knownTags.includes(tag)) continue;
    const near = nearest(tag, knownTags, 2);
    if (near !== undefined) throw call.usage(`there is no tag '${tag}'; did you mean '${near}'?`);
    call.say(`'${tag}' is not one of RabbitMQ's own tags: ${knownTags.join(', ')}`);
  }
  return [...new Set(tags)];
}
