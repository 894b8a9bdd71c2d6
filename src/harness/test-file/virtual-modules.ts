// Provides the modules `mq/test`, `uvu` and `uvu/assert` of the executable to a test file. The file imports a short
// module that re-exports them, so neither the disk nor node_modules is used.

import { registerHooks } from 'node:module';

/** Modules by import specifier. */
type VirtualModules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface Provided {
  /** Specifiers that were imported so far. */
  readonly imported: ReadonlySet<string>;
  release(): void;
}

/** Provides these modules to every import and require until `release`. */
export function provide(modules: VirtualModules): Provided {
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
