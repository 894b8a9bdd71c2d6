// Finds equal elements of a list in linear time. Ajv compares each pair, which needs quadratic time.

import { isObject } from '../config/plain.ts';
import type { Budget } from './budget.ts';

/** Reports whether all elements differ, as JSON Schema compares values: the order of keys does not matter. */
export function areUnique(list: readonly unknown[], budget: Budget): boolean {
  const seen = new Set<string>();
  for (const element of list) {
    const text = canonicalText(element, budget);
    if (seen.has(text)) return false;
    seen.add(text);
  }
  return true;
}

/** Number of characters that are copied in one step. */
const charactersPerStep = 16;

function canonicalText(value: unknown, budget: Budget): string {
  const text = textOf(value, budget);
  budget.spend(1 + text.length / charactersPerStep);
  return text;
}

function textOf(value: unknown, budget: Budget): string {
  if (Array.isArray(value)) return `[${value.map((one) => canonicalText(one, budget)).join()}]`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (!isObject(value)) return String(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(value[key], budget)}`).join()}}`;
}
