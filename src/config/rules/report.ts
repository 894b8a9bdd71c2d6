// Defines the input of the rules, and the function with which they report a problem.

import { objectOf, type Plain } from '../plain.ts';
import { didYouMean, type Path, type ProblemCode, quote } from '../reading/problem.ts';
import type { DefinedNames } from './defined-names.ts';

/** Reports a problem at a path. */
export type Report = (path: Path, code: ProblemCode, message: string) => void;

export interface RuleInput {
  /** Content of the user's file. */
  readonly file: Plain;
  /** Names that the user's file and the built-in one define. */
  readonly names: DefinedNames;
  readonly report: Report;
}

/** Returns the message for a name that is not defined. It suggests the most similar defined name. */
export function unknownName(kind: string, name: string, defined: Iterable<string>): string {
  return `unknown ${kind} ${quote(name)}${didYouMean(name, [...defined])}`;
}

/** A part of the file that contains publications and subscriptions. */
export interface Scope {
  readonly value: Plain;
  readonly path: Path;
  /** Name of the vhost, or `undefined` if the scope is the file itself. */
  readonly vhostName: string | undefined;
}

/** Returns the scopes of a file: each vhost, then the file itself. */
export function scopesOf(file: Plain): Scope[] {
  const vhosts = Object.entries(objectOf(file['vhosts'])).map(([name, vhost]) => ({
    value: objectOf(vhost),
    path: ['vhosts', name],
    vhostName: name,
  }));
  return [...vhosts, { value: file, path: [], vhostName: undefined }];
}
