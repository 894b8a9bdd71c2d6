// Formats the body of a message: UTF-8 as text, anything else as bytes. Control characters and characters that change
// the text direction are shown as their code points.

/** Maximum number of displayed characters of a body. */
const shownSigns = 4096;
const shownHexBytes = 256;

/** Returns the text with every invisible character replaced by its code point. Line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression matches these characters
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (sign) => {
      return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
    },
  );
}

/** Returns the text as one line, truncated after `most` characters. */
export function oneLine(text: string, most = 300): string {
  const line = visible(text.slice(0, most).replace(/\s+/g, ' '));
  return text.length > most ? `${line}…` : line;
}

interface Body {
  readonly kind: 'text' | 'bytes';
  /** One-line form. */
  readonly short: string;
  /** Full form. */
  readonly long: string;
  /** The size of the body, and how much of it is shown. */
  readonly size: string;
}

/** Formats a body. `bytes` are the received bytes, and `length` is the original length. */
export function bodyOf(bytes: Uint8Array, length: number): Body {
  const text = textOf(bytes, length > bytes.length);
  if (text === undefined) {
    const shown = bytes.subarray(0, shownHexBytes);
    const size = sized(length, shown.length);
    return {
      kind: 'bytes',
      short: `${hex(bytes.subarray(0, 24))}${length > 24 ? '…' : ''}`,
      long: hexLines(shown),
      size,
    };
  }
  const read = length === bytes.length ? indented(text) : text;
  const long = visible(read.slice(0, shownSigns));
  const isWhole = read.length <= shownSigns && length === bytes.length;
  return {
    kind: 'text',
    short: oneLine(text),
    long,
    size: isWhole
      ? sized(length, length)
      : `${sized(length, length)}, the first ${Math.min(read.length, shownSigns)} characters are shown`,
  };
}

/** JSON that is nested deeper is not indented, because the spaces of 30,000 levels exceed a browser's memory. */
const deepestIndent = 64;

/** Returns JSON with line breaks and indentation but unchanged values. Returns any other text unchanged. */
export function indented(text: string): string {
  if (!/^\s*[[{]/.test(text) || !isJson(text)) return text;
  let depth = 0;
  const line = () => `\n${'  '.repeat(depth)}`;
  // A token is a string, a punctuator, or a number or word.
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  for (const token of tokens) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth > deepestIndent) return text;
  }
  return tokens
    .map((token, index) => {
      const isEmpty = /[{[]/.test(token) && /^[}\]]$/.test(tokens[index + 1] ?? '');
      const wasEmpty = /^[{[]$/.test(tokens[index - 1] ?? '');
      if (token === '{' || token === '[') {
        depth += 1;
        return isEmpty ? token : token + line();
      }
      if (token === '}' || token === ']') {
        depth -= 1;
        return wasEmpty ? token : line() + token;
      }
      if (token === ',') return token + line();
      return token === ':' ? ': ' : token;
    })
    .join('');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Returns the text, or `undefined` if the bytes are not UTF-8. A truncated body may end inside a character. */
function textOf(bytes: Uint8Array, isCut: boolean): string | undefined {
  for (let less = 0; less <= (isCut ? 3 : 0); less += 1) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, bytes.length - less));
    } catch {
      // This length is not valid UTF-8.
    }
  }
  return undefined;
}

function sized(length: number, shown: number): string {
  const bytes = `${length.toLocaleString('en')} ${length === 1 ? 'byte' : 'bytes'}`;
  return shown < length ? `${bytes}, the first ${shown} are shown` : bytes;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** Formats sixteen bytes per line: offset, bytes, and their ASCII characters. */
function hexLines(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16);
    const ascii = Array.from(part, (byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex(part).padEnd(47)}  ${ascii}`);
  }
  return lines.join('\n');
}

/** Parses the origin of a message from RabbitMQ's form of a destination, in which only the slash is escaped. */
export function originOf(destination: string): { exchange: string; key: string } {
  const [, kind, ...parts] = destination.split('/').map((part) => part.replaceAll('%2F', '/'));
  if (kind === 'exchange') return { exchange: parts[0] ?? '', key: parts.slice(1).join('/') };
  // RabbitMQ's built-in topic exchange has a short form.
  if (kind === 'topic') return { exchange: 'amq.topic', key: parts.join('/') };
  return { exchange: '', key: kind === 'queue' ? parts.join('/') : destination };
}

/** Returns a STOMP destination. */
export function exchangeAt(exchange: string, key: string): string {
  return `/exchange/${exchange.replaceAll('/', '%2F')}/${key.replaceAll('/', '%2F')}`;
}

export function queueAt(queue: string): string {
  return `/amq/queue/${queue.replaceAll('/', '%2F')}`;
}
