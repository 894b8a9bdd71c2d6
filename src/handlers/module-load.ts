// Loads a user's module from disk into this executable. It strips types and ignores the package.json files above the
// module. If a module cannot be loaded, the error is one line with a position, and no stack trace.

import { readFileSync, statSync } from 'node:fs';
import { createRequire, type ResolveFnOutput, registerHooks } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';
import { MqError, systemCode } from '../errors.ts';
import { withExtension } from './module/names.ts';
import { syntaxStack } from './module/syntax-place.ts';
import { systemReason, thrownReason } from './reason.ts';

interface LoadedModule {
  readonly exports: unknown;
  /** Removes the loader hooks. Loaded modules stay loaded. */
  release(): void;
}

/**
 * Loads a module. `file` is its absolute path, `name` is the path that the user wrote. `awaits` allows top-level await.
 * @throws {MqError} NO_INPUT if the file cannot be read, CONFIG if it cannot be loaded.
 */
export async function loadModule(file: string, name: string, { awaits = false } = {}): Promise<LoadedModule> {
  const fault = fileFault(file, name);
  if (fault) throw fault;
  const loaded = new Set([pathToFileURL(file).href]);
  const hooks = installHooks(loaded);
  const { stackTraceLimit } = Error;
  // With the default of ten frames, the stack contains only Node's loader and not the user's line.
  Error.stackTraceLimit = 100;
  try {
    return { exports: await load(file, awaits), release: () => hooks.deregister() };
  } catch (error) {
    hooks.deregister();
    throw loadError(error, name, loaded);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

// import() of a file fails in a single executable of Node 26. require() also loads ES modules, but without top-level
// await.
async function load(file: string, awaits: boolean): Promise<unknown> {
  try {
    return createRequire(file)(file);
  } catch (error) {
    // Node throws this error before it runs any code of the file.
    if (!awaits || systemCode(error) !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return await import(pathToFileURL(file).href);
  }
}

/** Returns why the file cannot be loaded, without loading it. Returns `undefined` if nothing is wrong. */
export function fileFault(file: string, name: string): MqError | undefined {
  try {
    if (statSync(file).isFile()) return languageFault(file, name);
  } catch (error) {
    const isMissing = systemCode(error) === 'ENOENT';
    const reason = isMissing ? 'no such file' : systemReason(error);
    return new MqError('NO_INPUT', `cannot read ${name}: ${reason}`, { at: name, cause: error });
  }
  return new MqError('CONFIG', `cannot load ${name}: not a file`, { at: name, hint: 'name a .ts or .js file' });
}

/** Checks the file's extension. A file without one may be JavaScript. */
function languageFault(file: string, name: string): MqError | undefined {
  const ending = extname(file);
  if (ending === '' || /^\.[cm]?[jt]s$/.test(ending)) return undefined;
  return new MqError('CONFIG', `cannot load ${name}: a module is JavaScript or TypeScript (.js, .ts)`, {
    at: name,
    hint: 'for a program in another language use --exec or --exec-lines ("exec", "execLines" in rascal.json)',
  });
}

/** Installs loader hooks for the user's file and its imports. Node handles node_modules and all other modules. */
function installHooks(loaded: Set<string>) {
  return registerHooks({
    resolve(specifier, context, nextResolve) {
      const { parentURL, conditions } = context;
      if (parentURL === undefined || !loaded.has(parentURL)) return nextResolve(specifier, context);
      const isRequire = conditions.includes('require');
      let resolved: ResolveFnOutput;
      try {
        resolved = nextResolve(specifier, context);
      } catch (error) {
        const whole = withExtension(specifier, parentURL, isRequire);
        if (whole === undefined) throw error;
        resolved = nextResolve(whole, context);
      }
      if (/^file:(?!.*\/node_modules\/)/.test(resolved.url)) loaded.add(resolved.url);
      const isJson = !isRequire && resolved.url.endsWith('.json');
      return isJson ? { ...resolved, importAttributes: { type: 'json' } } : resolved;
    },
    load(url, context, nextLoad) {
      // Keeps the set in loading order. A syntax error without a position is in the module that was loaded last.
      if (loaded.delete(url)) loaded.add(url);
      const source = loaded.has(url) ? sourceOf(url) : undefined;
      return source === undefined ? nextLoad(url, context) : { ...source, shortCircuit: true };
    },
  });
}

function sourceOf(url: string): { format: string; source: string } | undefined {
  const path = fileURLToPath(url);
  const ending = /\.[cm]?[jt]s$/.exec(path)?.[0] ?? '';
  const known = formats[ending];
  if (known === undefined) return undefined;
  const source = readFileSync(path, 'utf8');
  return { format: known === 'either' ? formatOf(source) : known, source };
}

const formats: Readonly<Record<string, string | undefined>> = {
  '.ts': 'module-typescript',
  '.mts': 'module-typescript',
  '.mjs': 'module',
  '.js': 'either',
};

/** Detects the module format from the source. Node would use package.json, which can contradict the file. */
function formatOf(source: string): 'module' | 'commonjs' {
  try {
    compileFunction(source.replace(/^#!.*/, ''), ['exports', 'require', 'module', '__filename', '__dirname']);
    return 'commonjs';
  } catch (error) {
    return onlyInModules.test(thrownReason(error)) ? 'module' : 'commonjs';
  }
}

/** V8's messages for module syntax in a script. */
const onlyInModules =
  /import statement outside a module|Unexpected token 'export'|'import\.meta' outside|await is only valid|Identifier '(exports|require|module|__filename|__dirname)' has already/;

function loadError(thrown: unknown, name: string, loaded: ReadonlySet<string>): MqError {
  const { stack }: { stack?: unknown } = Object(thrown);
  const lines = String(stack ?? '').split('\n');
  const place = syntaxPlace(lines) ?? framePlace(lines, loaded) ?? name;
  const because = (reasonsByCode[systemCode(thrown) ?? ''] ?? ofLinking)(thrownReason(thrown), name);
  const at = thrown instanceof SyntaxError && place === name ? modulePlace(thrown, loaded, name) : place;
  const of = at === name ? '' : ` (${at})`;
  const { reason, hint } = because;
  return new MqError('CONFIG', `cannot load ${name}: ${reason}${of}`, {
    at,
    cause: thrown,
    ...(hint === undefined ? {} : { hint }),
  });
}

interface LoadReason {
  readonly reason: string;
  readonly hint?: string;
}

const reasonsByCode: Readonly<Record<string, ((message: string, file: string) => LoadReason) | undefined>> = {
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX: (reason) => ({
    reason,
    hint: 'mq only strips types: enum, namespace and parameter properties are not supported (tsc --erasableSyntaxOnly finds them)',
  }),
  ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING: () => ({
    reason: 'types are not stripped below node_modules',
    hint: 'move the file out of node_modules',
  }),
  ERR_REQUIRE_ASYNC_MODULE: () => ({
    reason: 'the module, or one that it imports, has a top-level await',
    hint: 'await inside the function; it may be async',
  }),
  ERR_MODULE_NOT_FOUND: notFound,
  MODULE_NOT_FOUND: notFound,
};

/** Explains a missing export. Often the import names a type, and it remains after the types are stripped. */
function ofLinking(reason: string, file: string): LoadReason {
  const [, name] = /does not provide an export named '(.+)'$/.exec(reason) ?? [];
  return name === undefined || !file.endsWith('ts')
    ? { reason }
    : { reason, hint: `if it is a type: import { type ${name} }, or import type` };
}

function notFound(message: string): LoadReason {
  // Node appends the require stack on further lines.
  const reason = message.replace(/ Require stack:.*/, '');
  const isFile = /module '[./]/.test(reason);
  const hint = isFile
    ? 'the path is relative to the importing file; mq also tries .ts and .js'
    : 'mq looks for packages in node_modules';
  return { reason, hint };
}

/** Returns the position of a syntax error. V8 prints it above the stack: `file:line`, the line, and a caret. */
function syntaxPlace(lines: readonly string[]): string | undefined {
  const [first = ''] = lines;
  const found = /^(file:\/\/.*|\/.*|[A-Za-z]:\\.*):(\d+)$/.exec(first);
  if (found === null) return undefined;
  const caret = lines.slice(1, 4).find((line) => /^\s*\^+\s*$/.test(line));
  const column = caret === undefined ? '' : `:${caret.indexOf('^') + 1}`;
  return `${pathOf(found[1] ?? '')}:${found[2]}${column}`;
}

/** Returns the position of the first stack frame in the user's files. */
function framePlace(lines: readonly string[], loaded: ReadonlySet<string>): string | undefined {
  const files = [...loaded].map(pathOf);
  for (const line of lines) {
    const found = /^\s+at (?:.*\()?(.+):(\d+):(\d+)\)?$/.exec(line);
    const path = found === null ? undefined : pathOf(found[1] ?? '');
    if (path !== undefined && files.includes(path)) return `${path}:${found?.[2]}:${found?.[3]}`;
  }
  return undefined;
}

/** Returns the position of a syntax error whose stack does not contain one. */
function modulePlace({ message }: SyntaxError, loaded: ReadonlySet<string>, name: string): string {
  const last = [...loaded].at(-1);
  const stack = last === undefined ? undefined : syntaxStack(pathOf(last), message);
  return syntaxPlace(stack?.split('\n') ?? []) ?? lastPath(loaded, name);
}

function lastPath(loaded: ReadonlySet<string>, name: string): string {
  const last = [...loaded].at(-1);
  return loaded.size === 1 || last === undefined ? name : pathOf(last);
}

function pathOf(place: string): string {
  try {
    return place.startsWith('file:') ? fileURLToPath(place) : place;
  } catch {
    return place;
  }
}
