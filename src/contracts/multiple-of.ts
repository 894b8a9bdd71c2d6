// Checks `multipleOf` with the decimal digits of both numbers. The division of binary fractions is not exact: 19.99 / 0.01 is
// 1998.9999999999998.

import type { Budget } from './budget.ts';

/** Number of digits that are divided in one step. */
const digitsPerStep = 32;
/** Steps of a division of few digits. */
const baseSteps = 4;

/** Reports whether the value is an integer multiple of the divisor, as both are written in decimal. */
export function isMultiple(value: number, divisor: number, budget?: Budget): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(divisor)) return value % divisor === 0;
  if (!Number.isFinite(value) || divisor === 0) return false;
  const [own, of] = [decimal(value), decimal(divisor)];
  // The exponents of JavaScript's numbers have a limit, so an integer here has at most about 650 digits.
  const exponent = Math.min(own.exponent, of.exponent);
  budget?.spend(baseSteps + Math.abs(own.exponent - of.exponent) / digitsPerStep);
  return scaled(own, exponent) % scaled(of, exponent) === 0n;
}

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

function decimal(value: number): Decimal {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to);
}
