// The HTTP requests of the page to mq web.

interface Answer {
  readonly status: number;
  readonly text: string;
}

interface AskOptions extends RequestInit {
  /** Time limit for the whole answer, in milliseconds. Default 30 s. */
  readonly waitMs?: number;
}

/** Sends a request. Returns `undefined` if mq web does not answer, or if only a part of the answer arrives. */
export async function ask(path: string, { waitMs = 30_000, ...init }: AskOptions = {}): Promise<Answer | undefined> {
  try {
    const response = await fetch(path, { ...init, signal: AbortSignal.timeout(waitMs) });
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
}
