// The environment that a program of --exec or --exec-lines starts with: the user's, without what belongs to mq.

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentPlan {
  /** True: only `usual` names are inherited. Default false. */
  readonly isClean?: boolean;
  /** Names, or patterns with `*`, of variables that are inherited as well. */
  readonly pass?: readonly string[];
  /** Variables that are set, whatever is inherited. */
  readonly set?: Readonly<Record<string, string>>;
}

/**
 * Returns the variables for the child. mq's own (`MQ_…`: addresses, passwords, tokens) are inherited only if `pass` names
 * them, because every program that a handler starts could read them.
 */
export function childEnvironment(env: Environment, { isClean = false, pass = [], set = {} }: EnvironmentPlan) {
  const passed = patternOf(pass);
  const variables: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(env)) {
    // A NUL makes spawn throw.
    if (value === undefined || value.includes('\0')) continue;
    const isInherited = isClean ? isUsual(name) : !isOwn(name);
    if (isInherited || passed(name)) variables[name] = value;
  }
  // Python holds back what it prints into a pipe: its lines, and its answers to --exec-lines, would come late or never.
  variables['PYTHONUNBUFFERED'] ??= '1';
  return Object.assign(variables, set);
}

/** Returns the names and patterns that no variable of the environment matches. */
export function unmatched(env: Environment, pass: readonly string[]): string[] {
  const names = Object.keys(env).filter((name) => env[name] !== undefined);
  return pass.filter((one) => !names.some(patternOf([one])));
}

/** Trace variables are the worker's own: the child works for the sender of the message, which has its own trace. */
function isOwn(name: string): boolean {
  return name.startsWith('MQ_') || name === 'TRACEPARENT' || name === 'TRACESTATE';
}

function isUsual(name: string): boolean {
  return usual.has(name.toUpperCase()) || name.startsWith('LC_');
}

const usual = new Set([
  ...['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'USER', 'LOGNAME', 'SHELL', 'TERM'],
  // Windows: without these hardly anything starts there.
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'PATHEXT', 'COMSPEC', 'TEMP', 'TMP', 'USERPROFILE'],
]);

/** A pattern matches mq's own variables only if it says so: `*` does not match MQ_URL, `MQ_*` does. */
function patternOf(pass: readonly string[]): (name: string) => boolean {
  const patterns = pass.map((one) => {
    const source = one.split('*').map(RegExp.escape).join('.*');
    return { matches: new RegExp(`^${source}$`, 's'), namesOwn: isOwn(one) };
  });
  return (name) => patterns.some(({ matches, namesOwn }) => matches.test(name) && (namesOwn || !isOwn(name)));
}
