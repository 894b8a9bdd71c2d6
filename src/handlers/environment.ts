// Builds the environment of an --exec or --exec-lines program: the user's variables without mq's own.

type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentPlan {
  /** If `true`, only the variables in `usual` are inherited. Default `false`. */
  readonly isClean?: boolean;
  /** Names, or patterns with `*`, of additional variables to inherit. */
  readonly pass?: readonly string[];
  /** Variables to set. They override inherited ones. */
  readonly set?: Readonly<Record<string, string>>;
}

/**
 * Returns the variables for the child. mq's own variables (`MQ_…`: addresses, passwords, tokens) are inherited only if
 * `pass` names them, because every program that a handler starts could read them.
 */
export function childEnvironment(env: Environment, { isClean = false, pass = [], set = {} }: EnvironmentPlan) {
  const passed = patternOf(pass);
  const variables: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(env)) {
    // `spawn` throws if a value contains a NUL byte.
    if (value === undefined || value.includes('\0')) continue;
    const isInherited = isClean ? isUsual(name) : !isOwn(name);
    if (isInherited || passed(name)) variables[name] = value;
  }
  // Python buffers its output to a pipe, so its lines, and its answers to --exec-lines, would arrive late or never.
  variables['PYTHONUNBUFFERED'] ??= '1';
  return Object.assign(variables, set);
}

/** Returns the names and patterns that match no environment variable. */
export function unmatched(env: Environment, pass: readonly string[]): string[] {
  const names = Object.keys(env).filter((name) => env[name] !== undefined);
  return pass.filter((one) => !names.some(patternOf([one])));
}

/**
 * Reports whether a variable belongs to mq. Trace variables count as mq's own, because a child uses the trace of its
 * message and not the trace of mq.
 */
function isOwn(name: string): boolean {
  return name.startsWith('MQ_') || name === 'TRACEPARENT' || name === 'TRACESTATE';
}

function isUsual(name: string): boolean {
  return usual.has(name.toUpperCase()) || name.startsWith('LC_');
}

const usual = new Set([
  ...['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'USER', 'LOGNAME', 'SHELL', 'TERM'],
  // Most programs on Windows do not start without these.
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'PATHEXT', 'COMSPEC', 'TEMP', 'TMP', 'USERPROFILE'],
]);

/**
 * Returns a function that matches names. A pattern matches mq's own variables only if it starts with their prefix: `*`
 * does not match MQ_URL, `MQ_*` does.
 */
function patternOf(pass: readonly string[]): (name: string) => boolean {
  const patterns = pass.map((one) => {
    const source = one.split('*').map(RegExp.escape).join('.*');
    return { matches: new RegExp(`^${source}$`, 's'), namesOwn: isOwn(one) };
  });
  return (name) => patterns.some(({ matches, namesOwn }) => matches.test(name) && (namesOwn || !isOwn(name)));
}
