// Parses the lists of the OTEL_ variables: `name=value,name=value`, with percent-encoded values.

type Pairs = Readonly<Record<string, string>>;

/** Returns the pairs, or `undefined` if the text is not such a list. The whole list is then ignored, as OpenTelemetry requires. */
export function pairsOf(text: string): Pairs | undefined {
  const pairs: Record<string, string> = Object.create(null);
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const [, name, value] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(part) ?? [];
    const [plainName, plainValue] = [decoded(name), decoded(value?.trim())];
    if (plainName === undefined || plainValue === undefined) return undefined;
    pairs[plainName] = plainValue;
  }
  return pairs;
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
