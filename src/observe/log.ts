// Writes the log of a role to stderr: text lines, or JSON objects with --log json. A repeating event must not fill the
// disk, so at most ten lines a minute of each event are written. The last of them contains the number of lines that
// were not written.

import { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { type LogLevel, logLevels } from '../config/role.ts';
import type { Output, Said, Say } from '../context.ts';
import { escaped, escapedLines, safeJson } from '../errors.ts';
import { type Timer, time } from '../time.ts';

interface LogSettings {
  readonly stderr: Output;
  readonly role: string;
  readonly format: 'text' | 'json';
  /** Least important level to write. Default: info. */
  readonly level?: LogLevel;
}

/** Fields that identify a message. */
export interface MessageFields {
  readonly messageId: string | undefined;
  readonly queue: string;
  readonly attempt: number;
  readonly [name: string]: unknown;
}

/** Maximum number of lines of one event in one minute, including the line with the count. */
const mostLines = 10;
const minuteMs = 60_000;
/** Maximum length of a line from a user's program. Longer lines are split. */
const longestLine = 64 * 1024;

interface Minute {
  shown: number;
  readonly hidden: { count: number; last: Said | undefined };
  readonly end: Timer;
}

export class Log {
  readonly #settings: LogSettings;
  readonly #minutes = new Map<string, Minute>();

  constructor(settings: LogSettings) {
    this.#settings = settings;
  }

  readonly say: Say = (said) => {
    const { level = 'info' } = this.#settings;
    if (logLevels.indexOf(said.level ?? 'info') < logLevels.indexOf(level)) return;
    if (said.isRecord || said.level === 'debug') {
      this.write(said);
      return;
    }
    const minute = this.#minutes.get(said.event) ?? this.#begin(said.event);
    if (minute.shown < mostLines - 1) {
      minute.shown += 1;
      this.write(said);
    } else {
      minute.hidden.count += 1;
      minute.hidden.last = said;
    }
  };

  /** Logs like `say`, but a text line starts with the command, as error messages do. */
  readonly sayNamed: Say = (said) => {
    const { format, role } = this.#settings;
    this.say(format === 'text' ? { ...said, message: `mq ${role}: ${said.message}` } : said);
  };

  /** Writes a line without the limit. */
  write(said: Said): void {
    if (this.#settings.format === 'json') this.writeJson(said);
    else this.#settings.stderr.write(`${escaped(textOf(said))}\n`);
  }

  /** Writes a JSON object in either format. */
  writeJson({ level = 'info', event, message, fields }: Said): void {
    const { stderr, role } = this.#settings;
    const object = { time: new Date(time.date()).toISOString(), level, role, event, message, ...fields };
    stderr.write(`${safeJson(object)}\n`);
  }

  /**
   * Returns a stream for stderr output that does not come from this log. In text format it is stderr itself; in JSON
   * format, each line becomes an object with this event.
   */
  output(event: string): Output {
    const { stderr, format } = this.#settings;
    return format === 'text' ? stderr : new LineOutput((message) => this.write({ event, message }));
  }

  /**
   * Returns a stream for a program's stderr output about one message. In text format, `isNamed` puts the message id
   * before each line.
   */
  outputOf(event: string, fields: MessageFields, { isNamed }: { isNamed: boolean }): Output {
    const { stderr, format } = this.#settings;
    if (format === 'json') return new LineOutput((message) => this.write({ event, message, fields }));
    if (!isNamed) return stderr;
    const name = escaped(fields.messageId ?? fields.queue);
    return new LineOutput((line) => void stderr.write(`${name}: ${stderr.isTTY ? escapedLines(line) : line}\n`));
  }

  /** Writes the last suppressed line of each event, with the number of suppressed lines. */
  close(): void {
    for (const event of [...this.#minutes.keys()]) this.#finish(event);
  }

  #begin(event: string): Minute {
    const end = time.after(minuteMs, () => this.#finish(event)).unref();
    const minute: Minute = { shown: 0, hidden: { count: 0, last: undefined }, end };
    this.#minutes.set(event, minute);
    return minute;
  }

  #finish(event: string): void {
    const minute = this.#minutes.get(event);
    this.#minutes.delete(event);
    minute?.end.cancel();
    const { count = 0, last } = minute?.hidden ?? {};
    if (!last) return;
    const message = count > 1 ? `${last.message} (the last of ${count} more within a minute)` : last.message;
    this.write({ ...last, message, fields: { ...last.fields, ...(count > 1 && { repeated: count }) } });
  }
}

/** Returns the text of the line, and adds the id, queue and attempt of a message if it does not contain them. */
function textOf({ message, fields: { messageId, queue, attempt } = {} }: Said): string {
  if (attempt === undefined) return message;
  const about = [
    messageId === undefined ? '' : `message ${messageId}`,
    `queue ${queue}`,
    message.includes(`attempt ${attempt}`) ? '' : `attempt ${attempt}`,
  ];
  return `${message} (${about.filter((part) => part !== '').join(', ')})`;
}

/** A stream that splits its input into lines and passes each to a function. */
class LineOutput extends Writable {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(onLine: (line: string) => void) {
    super({ decodeStrings: true });
    this.#onLine = onLine;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, next: () => void): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
    if (this.#rest.length > longestLine) this.#flush();
    next();
  }

  override _final(next: () => void): void {
    this.#rest += this.#decoder.end();
    this.#flush();
    next();
  }

  #flush(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}
