import { existsSync } from 'node:fs';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** Tests in a browser are left out where there is none, except in CI. Another one by CHROMIUM_PATH. */
export const HAS_NO_BROWSER = !existsSync(CHROMIUM) && process.env.CI !== 'true';

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, timeout: 0 });
}

export interface View {
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
}

/** A page that waits as long as its test does, and what it complains of. */
export async function newPage(browser: Browser, { width = 1280, scheme = 'light' }: View = {}) {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
  page.setDefaultTimeout(0);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, complaints };
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
}

/** What axe finds against any of its rules, one line each with the elements; none: the page is accessible as far as it can tell. */
export async function violations(page: Page): Promise<readonly string[]> {
  // The page's policy lets no script of others in by an element; the debugger may.
  await page.evaluate(axe.source);
  const found = await page.evaluate<readonly Violation[]>('axe.run().then(({ violations }) => violations)');
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  );
}
