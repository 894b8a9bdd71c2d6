// Finds the position of a syntax error in a module. Node reports the position only for scripts, so the module is
// compiled again as a script with the same lines.

import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { Script } from 'node:vm';

/** Returns the first lines of the error's stack (`file:line`, the line, a caret) if the same error occurs again. */
export function syntaxStack(file: string, message: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const source = asScript(/\.[cm]?ts$/.test(file) ? stripTypeScriptTypes(text) : text);
    new Script(`(async () => { 'use strict';\n${source}\n})`, { filename: file, lineOffset: -1 });
  } catch (error) {
    if (error instanceof SyntaxError && error.message === message) return error.stack;
  }
  return undefined;
}

/** Replaces syntax that only modules allow. Lines and columns do not change. */
function asScript(source: string): string {
  return source
    .replace(/^#!.*/, blank)
    .replace(/^[ \t]*import\b(?!\s*[.(])[^;'"]*(['"])[^'"\n]*\1([ \t]*with\b[^}\n]*\})?[ \t]*;?/gm, blank)
    .replace(/^[ \t]*export\s*(\*[^'"\n]*|\{[^}]*\})(\s*from\s*(['"])[^'"\n]*\3)?/gm, blank)
    .replace(
      /^([ \t]*)export(\s+)default\b/gm,
      (_, indent: string, space: string) => `${indent}x =${' '.repeat(10)}${blank(space)}`,
    )
    .replace(/^([ \t]*)export(?=\s)/gm, '$1      ')
    .replace(/\bimport\.meta\b/g, 'import_meta');
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}
