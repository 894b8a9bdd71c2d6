// Restores arguments that are not UTF-8. Node decodes them before any JavaScript runs and replaces each invalid byte
// with U+FFFD. On Linux the original bytes can still be read; on other systems they are unknown, and an argument with
// U+FFFD is refused.

import { MqError } from '../errors.ts';
import { isPlainText, textOfBytes } from '../session/byte-text.ts';

/** Character that represents an unknown byte. */
const unknownByte = '\udfff';
/** Options whose values may contain any bytes. */
const anyBytes = ['header', 'property', 'routing-key', 'file'];

/**
 * Returns the arguments with their original bytes, in the form of byte-text.ts. `commandLine` returns the bytes of all
 * arguments, each followed by a NUL byte, if the system provides them.
 */
export function exactArguments(args: readonly string[], commandLine: () => Buffer | undefined): readonly string[] {
  if (!args.some((arg) => arg.includes('\ufffd'))) return args;
  const all = partsOf(commandLine() ?? Buffer.alloc(0));
  const own = all.slice(all.length - args.length);
  const isSame = own.length === args.length && own.every((bytes, at) => bytes.toString() === args[at]);
  return isSame ? own.map(textOfBytes) : args.map((arg) => arg.replaceAll('\ufffd', unknownByte));
}

function partsOf(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    if (end === -1) break;
    parts.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return parts;
}

/**
 * Throws USAGE if an argument that must be text contains bytes that are not UTF-8. In `argv` each value follows its
 * option. `takesBytes` allows such bytes in arguments that do not
 * belong to an option.
 */
export function refuseBytes(argv: readonly string[], { takesBytes }: { takesBytes: boolean }): void {
  argv.forEach((arg, at) => {
    if (arg.includes(unknownByte) && !arg.isWellFormed()) throw notText(arg, 'pass it by --file or standard input');
    if (isPlainText(arg)) return;
    const option = argv[at - 1]?.startsWith('--') ? argv[at - 1]?.slice(2) : undefined;
    if (option === undefined ? takesBytes : anyBytes.includes(option)) return;
    throw notText(
      arg,
      `other bytes are accepted in the text of a message and by ${anyBytes.map((name) => `--${name}`).join(', ')}`,
    );
  });
}

export function notText(arg: string, hint: string): MqError {
  const shown = arg.replaceAll('\0', '').replaceAll(unknownByte, '?');
  return new MqError('USAGE', `the argument '${shown}' is not UTF-8`, { hint });
}
