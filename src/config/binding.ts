// Rascal's shorthand for bindings: "source[key1, key2] -> destination".

export interface BindingName {
  readonly source?: string;
  readonly destination?: string;
  readonly keys: readonly string[];
}

/** What the name of a binding says; nothing, when it is only a name. */
export function parseBindingName(name: string): BindingName {
  // Rascal's own pattern is not anchored: of "my queue -> other" it takes "queue".
  const match =
    /^\s*(?<source>(?!->)[^\s[\]](?:(?!->)[^[\]])*?)\s*(?:\[(?<keys>.*)\])?\s*->\s*(?<destination>[^\s[\]][^[\]]*?)\s*$/s.exec(
      name,
    );
  const { source, destination, keys = '' } = match?.groups ?? {};
  if (source === undefined || destination === undefined) return { keys: [] };
  return { source, destination, keys: keys.split(/[,\s]+/).filter((key) => key !== '') };
}
