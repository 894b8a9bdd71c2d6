// Modules that live inside the executable, for a test file's imports: `mq/test`, `uvu`, `uvu/assert`. What the file gets is
// a module of a few lines that takes the exports over; no file of it is on the disk, and no node_modules is asked.

import { registerHooks } from 'node:module';

/** Specifier → the module that stands for it. */
export type InsideModules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Inside {
  /** The specifiers that were imported so far. */
  readonly imported: ReadonlySet<string>;
  release(): void;
}

/** From now on these modules are given to whoever imports or requires them, until `release`. */
export function provide(modules: InsideModules): Inside {
  Object.assign(globalThis, { [key]: modules });
  const imported = new Set<string>();
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (!Object.hasOwn(modules, specifier)) return next(specifier, context);
      imported.add(specifier);
      return { url: `${scheme}${specifier}`, format: 'module', shortCircuit: true };
    },
    load(url, context, next) {
      const specifier = url.startsWith(scheme) ? url.slice(scheme.length) : undefined;
      if (specifier === undefined) return next(url, context);
      return { format: 'module', source: sourceOf(specifier, modules[specifier] ?? {}), shortCircuit: true };
    },
  });
  return { imported, release: () => hooks.deregister() };
}

const key = Symbol.for('mq.inside');
const scheme = 'mq:';

function sourceOf(specifier: string, module: Readonly<Record<string, unknown>>): string {
  const lines = Object.keys(module)
    .filter((name) => name !== 'default')
    .map((name) => `export const ${name} = inside.${name};`);
  return [`const inside = globalThis[Symbol.for('mq.inside')][${JSON.stringify(specifier)}];`, ...lines].join('\n');
}
