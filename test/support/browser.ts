// Opens a page in headless Chromium (Debian's), and records events that must not happen: an error of the page, a dialog, a
// request to another origin, and a violation of the Content-Security-Policy.

import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { until } from './until.ts';

export interface Visit {
  readonly page: Page;
  /** The recorded violations, one line each. */
  faults(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface VisitOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  /** `false` returns before the page is connected. */
  readonly waits?: boolean;
}

/** Folder of the screenshots; the workflow uploads them. */
const pictures = resolve(import.meta.dirname, '../../dist/screenshots');
const executablePath = process.env['MQ_CHROMIUM'] ?? '/usr/bin/chromium';

/** Events of each page, for the error of a page that does not connect. */
const logs = new WeakMap<Page, string[]>();

let shared: Promise<Browser> | undefined;

/** Opens a page, and waits until it is connected. A wait fails after 60 s. */
export async function visit(
  url: string,
  { width = 1280, height = 900, scheme = 'light', waits = true }: VisitOptions = {},
) {
  shared ??= chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const browser = await shared;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  logs.set(page, logOf(page));
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) faults.push(`request: ${request.url()}`);
  });
  await page.addInitScript(`
    window.violations = [];
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      window.violations.push('policy: ' + violatedDirective + ' ' + blockedURI));`);
  await page.goto(url);
  if (waits) await connected(page);
  const opened: Visit = {
    page,
    faults: async () => [...faults, ...((await page.evaluate('window.violations')) as string[])],
    close: () => context.close(),
  };
  return opened;
}

/** Records the events of a page, with the milliseconds since now. */
function logOf(page: Page): string[] {
  const [begun, log] = [performance.now(), [] as string[]];
  const add = (text: string) => void log.push(`${Math.round(performance.now() - begun)} ms: ${text}`);
  page.on('console', (message) => add(`console: ${message.text()}`));
  page.on('crash', () => add('crash'));
  page.on('response', (response) => add(`${response.status()} ${response.url()}`));
  page.on('requestfailed', (request) => add(`${request.failure()?.errorText} ${request.url()}`));
  page.on('websocket', (socket) => {
    add(`opens ${socket.url()}`);
    socket.on('framereceived', ({ payload }) => add(`receives ${String(payload).slice(0, 60)}`));
    socket.on('socketerror', (error) => add(`socket error: ${error}`));
    socket.on('close', () => add('socket closed'));
  });
  return log;
}

export async function connected(page: Page): Promise<void> {
  await page.waitForSelector('#state[data-state="connected"]').catch(async (error: Error) => {
    const shown = await page.locator('body').innerText();
    const log = logs.get(page)?.slice(-50).join('\n');
    throw new Error(`${error.message}\nThe page shows:\n${shown.slice(0, 300)}\nIts last events:\n${log}`, {
      cause: error,
    });
  });
}

/** Waits until the broker has bound every stream of the page, because earlier messages do not reach the page. */
export async function untilBound(page: Page): Promise<void> {
  await until('every stream is bound', async () => {
    const [all, busy] = await Promise.all(
      ['#streams li', '#streams li[aria-busy=true]'].map((selector) => page.locator(selector).count()),
    );
    return (all ?? 0) > 0 && busy === 0;
  });
}

/** Watches all exchanges of rascal.json, also those that affect other clients, and waits until they are bound. */
export async function watchAll(page: Page): Promise<void> {
  await page.click('#watch-all');
  await acceptAll(page);
}

/** Accepts the effects of each stream, and waits until all streams are bound. */
export async function acceptAll(page: Page): Promise<void> {
  await until('every stream is bound or waits for consent', async () => {
    const [all, busy, asking] = await Promise.all(
      ['#streams li', '#streams li[aria-busy=true]', '#streams .accept'].map((selector) =>
        page.locator(selector).count(),
      ),
    );
    return (all ?? 0) > 0 && busy === asking;
  });
  const accept = page.locator('#streams .accept');
  while ((await accept.count()) > 0) await accept.first().click();
  await untilBound(page);
}

/** Waits until an element of the page shows the text. */
export async function shows(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor();
}

/** Writes a screenshot of the whole page to a file with this name. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: resolve(pictures, `${name}.png`), fullPage: true });
}

export async function closeBrowser(): Promise<void> {
  await (await shared)?.close();
  shared = undefined;
}
