// Compiles the patterns of schemas with RE2, which needs linear time for every text. ECMA-262 and RE2 write some characters
// and classes differently, so each pattern is translated. RE2 has no look-around and no back references.

import { RE2JS } from 're2js';

interface Pattern {
  readonly test: (text: string) => boolean;
  /** Number of instructions. The time for a character is at most proportional to it. */
  readonly size: number;
}

/** Compiles a pattern of ECMA-262 with the flag `u`. Throws a SyntaxError if the pattern is invalid or needs backtracking. */
export function compilePattern(source: string): Pattern {
  // The constructor only checks the syntax. V8 never runs the pattern.
  new RegExp(source, 'u');
  const outsideClasses = source.replace(/(\\.)|\[(?:\\.|[^\]\\])*(?:\]|\\?$)/gs, '$1');
  const backtracking = /^(?:[^\\]|\\.)*?(\(\?<?[=!]|\\[1-9]|\\k<)/s.exec(outsideClasses)?.[1];
  if (backtracking !== undefined)
    throw new SyntaxError(`${backtracking} needs backtracking, which has no limit of time; mq does not run it`);
  try {
    const pattern = RE2JS.compile(translated(source));
    return { test: (text) => pattern.test(text), size: pattern.programSize() };
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

const spaces = String.raw`\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`;
const others = [
  String.raw`\x00-\x08\x0e-\x1f!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}`,
  String.raw`\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`,
].join('');
const any = String.raw`[\x00-\x{10ffff}]`;
const none = String.raw`[^\x00-\x{10ffff}]`;

const token = new RegExp(
  [
    String.raw`\\u\{(?<point>[0-9a-f]+)\}|\\u(?<high>d[89ab]..)\\u(?<low>d[c-f]..)|\\u(?<unit>[0-9a-f]{4})`,
    String.raw`\\c(?<control>[a-z])|\\p\{(?<property>[^}]*)\}|\\(?<letter>.)`,
    String.raw`(?<class>\[\^?\]?)|(?<end>\])|(?<dot>\.)|(?<group>\(\?<[^>]*>)`,
  ].join('|'),
  'gisu',
);

type Groups = Readonly<Record<string, string | undefined>>;

/** Returns the pattern in the syntax of RE2. */
function translated(source: string): string {
  let isInClass = false;
  return source.replace(token, (whole: string, ...rest: unknown[]) => {
    const groups: Groups = Object(rest.at(-1));
    if (groups['class'] !== undefined) {
      if (isInClass) return whole.replaceAll(/[[^]/g, '\\$&');
      if (whole === '[]') return none;
      if (whole === '[^]') return any;
      isInClass = true;
      return whole;
    }
    if (groups['end'] !== undefined) isInClass = false;
    if (groups['dot'] !== undefined) return isInClass ? '.' : String.raw`[^\n\r\x{2028}\x{2029}]`;
    if (groups['group'] !== undefined) return isInClass ? whole : '(?:';
    return escapeOf(whole, groups, isInClass);
  });
}

function escapeOf(whole: string, groups: Groups, isInClass: boolean): string {
  const { point, high, low, unit, control, property, letter } = groups;
  const code = point ?? unit;
  if (code !== undefined) return `\\x{${code}}`;
  if (high !== undefined && low !== undefined)
    return `\\x{${((Number.parseInt(high, 16) - 0xd800) * 0x400 + Number.parseInt(low, 16) - 0xdc00 + 0x10000).toString(16)}}`;
  if (control !== undefined) return `\\x{${(control.charCodeAt(0) % 32).toString(16)}}`;
  if (property !== undefined) return `${whole.slice(0, 2)}{${propertyName(property)}}`;
  const inClass = (ranges: string) => (isInClass ? ranges : `[${ranges}]`);
  if (letter === 's') return inClass(spaces);
  if (letter === 'S') return inClass(others);
  if (letter === '0') return '\\x00';
  if (letter === 'b' && isInClass) return '\\x08';
  return whole;
}

/** Long names of the general categories, by their short names in RE2. */
const categories = new Map(
  [
    'L=Letter Lu=Uppercase_Letter Ll=Lowercase_Letter Lt=Titlecase_Letter Lm=Modifier_Letter Lo=Other_Letter M=Mark',
    'M=Combining_Mark Mn=Nonspacing_Mark Mc=Spacing_Mark Me=Enclosing_Mark N=Number Nd=Decimal_Number Nd=digit',
    'Nl=Letter_Number No=Other_Number P=Punctuation P=punct Pc=Connector_Punctuation Pd=Dash_Punctuation',
    'Ps=Open_Punctuation Pe=Close_Punctuation Pi=Initial_Punctuation Pf=Final_Punctuation Po=Other_Punctuation S=Symbol',
    'Sm=Math_Symbol Sc=Currency_Symbol Sk=Modifier_Symbol So=Other_Symbol Z=Separator Zs=Space_Separator',
    'Zl=Line_Separator Zp=Paragraph_Separator C=Other Cc=Control Cc=cntrl Cf=Format Cs=Surrogate Co=Private_Use',
  ].flatMap((line) =>
    line.split(' ').map((pair) => {
      const [short = '', long = ''] = pair.split('=');
      return [long, short] as const;
    }),
  ),
);

function propertyName(property: string): string {
  const name = property.replace(/^(?:General_Category|gc|Script|sc)=/, '');
  return categories.get(name) ?? name;
}
