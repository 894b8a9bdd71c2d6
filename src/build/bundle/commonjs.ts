// Converts the imports and exports of a bundled ECMAScript module to CommonJS. esbuild's own conversion defines two
// getters for each exported name, which are a tenth of a short command.

/**
 * Returns `source` with `require` instead of the imports at its start, and `module.exports` instead of the list of
 * exports at its end. Other forms stay as they are. Throws if an exported variable gets a value after its declaration,
 * because an importer would keep the first value.
 */
export function commonJs(source: string): string {
  const statement = /import(?:\{([^}]*)\}from)?"([^"]+)";/y;
  let body = 0;
  let header = '"use strict";';
  for (let found = statement.exec(source); found; found = statement.exec(source)) {
    const [, names, path] = found;
    header += `${names === undefined ? '' : `const{${pairs(names, { isImport: true })}}=`}require("${path}");`;
    body = statement.lastIndex;
  }
  const [list, exported = ''] = /export\{([^}]*)\};\s*$/.exec(source) ?? [''];
  const code = source.slice(body, source.length - list.length);
  for (const [name] of words(exported)) refuseChanges(name, code);
  return `${header}${code}${list && `module.exports={${pairs(exported, { isImport: false })}};`}`;
}

/** Converts `a,b as c` to the properties of a pattern or of an object. */
function pairs(list: string, { isImport }: { isImport: boolean }): string {
  return words(list)
    .map(([name, as]) => (name === as ? name : isImport ? `${name}:${as}` : `${as}:${name}`))
    .join();
}

function words(list: string): (readonly [name: string, as: string])[] {
  return [...list.matchAll(/([\w$]+)(?: as ([\w$]+))?/g)].map(([, name = '', as = name]) => [name, as]);
}

/** esbuild renames an inner variable that has the name of an outer one, so each assignment to the name changes the export. */
function refuseChanges(name: string, code: string): void {
  const variable = RegExp.escape(name);
  const operators = String.raw`(?:\*\*|>>>?|<<|&&|\|\||\?\?|[-+*/%&|^])?=(?![=>])`;
  const assignments = new RegExp(
    String.raw`(?<declaration>(?:\b(?:var|let|const) |,))?(?<![\w$.])${variable}(?:\+\+|--|${operators})|(?:\+\+|--)${variable}\b`,
    'g',
  );
  const found = [...code.matchAll(assignments)];
  const isDeclared = found.every(({ groups }) => groups?.['declaration'] !== undefined);
  if (found.length > 1 || !isDeclared) throw new Error(`an importer would not see that ${name} changes`);
}
