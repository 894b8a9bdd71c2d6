// Takes a TypeScript source apart, for tests that read the sources.

export interface Token {
  readonly kind: 'word' | 'string' | 'regex' | 'other';
  readonly text: string;
}

/** The words, strings and signs of a source, without comments; the code inside of a template is part of it. */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  /** For each template we are in: the braces open in its current `${`. */
  const templates: number[] = [];
  let place = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = place;
    const text = pattern.exec(source)?.[0];
    place += text?.length ?? 0;
    return text;
  };
  const inTemplate = () => {
    take(/(?:\\[\s\S]|(?!\$\{)[^`\\])*/y);
    if (take(/\$\{/y) !== undefined) templates.push(0);
    else place++;
    tokens.push({ kind: 'other', text: '`' });
  };
  while (place < source.length) {
    if (take(/\s+|\/\/.*|\/\*[\s\S]*?\*\//y) !== undefined) continue;
    const word = take(/[\p{ID_Start}$_][\p{ID_Continue}$]*/uy);
    const string = word === undefined ? take(/'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y) : undefined;
    const isRegex = word === undefined && string === undefined && regexMayFollow(tokens.at(-1));
    const regex = isRegex ? take(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y) : undefined;
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (string !== undefined) tokens.push({ kind: 'string', text: string });
    else if (regex !== undefined) tokens.push({ kind: 'regex', text: regex });
    else {
      const sign = source[place++] as string;
      const depth = templates.at(-1);
      if (sign === '`') inTemplate();
      else if (sign === '}' && depth === 0) {
        templates.pop();
        inTemplate();
      } else {
        if (depth !== undefined && (sign === '{' || sign === '}'))
          templates.push((templates.pop() ?? 0) + (sign === '{' ? 1 : -1));
        tokens.push({ kind: 'other', text: sign });
      }
    }
  }
  return tokens;
}

/** After a value a slash divides. */
function regexMayFollow(token: Token | undefined): boolean {
  if (token === undefined) return true;
  if (token.kind === 'word')
    return ['return', 'typeof', 'case', 'in', 'of', 'await', 'void', 'else'].includes(token.text);
  return token.kind === 'other' && !/^[)\]`\d]/.test(token.text);
}
