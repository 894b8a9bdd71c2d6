// Reads the lines of standard input in batches, as a fast program does, and publishes them with a bounded window.

export async function* lineBatches() {
  let rest = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield lines;
  }
  if (rest !== '') yield [rest];
}

/** Calls `send` for each line, with at most `window` promises that have not resolved. Resolves when all have. */
export async function publishLines(window, send) {
  let unconfirmed = 0;
  let resume = () => undefined;
  const confirmed = () => {
    unconfirmed -= 1;
    resume();
  };
  const until = async (most) => {
    while (unconfirmed > most) {
      await new Promise((next) => {
        resume = next;
      });
    }
  };
  for await (const lines of lineBatches()) {
    for (const line of lines) {
      await until(window - 1);
      unconfirmed += 1;
      void send(line).then(confirmed);
    }
  }
  await until(0);
}
