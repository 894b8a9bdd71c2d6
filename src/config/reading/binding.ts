// Parses Rascal's shorthand for bindings: "source[key1, key2] -> destination".

interface BindingName {
  readonly source?: string;
  readonly destination?: string;
  readonly keys: readonly string[];
}

/** Parses the name of a binding. Returns only an empty `keys` if the name is not a shorthand. */
export function parseBindingName(name: string): BindingName {
  // Rascal's own pattern is not anchored: in "my queue -> other" it matches "queue" as the source.
  const arrow = name.indexOf('->');
  const open = name.indexOf('[');
  const hasKeys = open !== -1 && open < arrow;
  const close = hasKeys ? name.lastIndexOf(']') : -1;
  const rest = name.slice(hasKeys ? close + 1 : Math.max(arrow, 0)).trimStart();
  const source = name.slice(0, hasKeys ? open : Math.max(arrow, 0)).trim();
  const destination = rest.slice('->'.length).trim();
  const isShorthand = rest.startsWith('->') && hasKeys === close > open;
  if (!isShorthand || source === '' || destination === '' || /[[\]]/.test(source + destination)) return { keys: [] };
  const keys = hasKeys ? name.slice(open + 1, close) : '';
  return { source, destination, keys: keys.split(/[,\s]+/).filter((key) => key !== '') };
}
