// Asks a role that runs elsewhere whether it is ready: the other side of server.ts.

import type { Readiness } from './health.ts';

/** Asks /readyz, or the path that the URL has. Whatever keeps the answer away is a reason not to be ready; never rejects. */
export async function askReadiness(url: URL, timeoutMs: number): Promise<Readiness> {
  const address = url.pathname === '/' ? new URL('/readyz', url) : url;
  try {
    const response = await fetch(address, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
    const [line = ''] = (await response.text()).split('\n', 1);
    const why = printable(line) || `HTTP ${response.status}`;
    return { isReady: response.status === 200, why };
  } catch (error) {
    return { isReady: false, why: reasonOf(error as Error, timeoutMs) };
  }
}

function reasonOf(error: Error, timeoutMs: number): string {
  if (error.name === 'TimeoutError') return `no answer in ${timeoutMs / 1000} s`;
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' ? 'nobody answers there' : `no answer (${code ?? error.message})`;
}

/** It may be anybody's page. */
function printable(line: string): string {
  return line.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
