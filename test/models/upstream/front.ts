/** A taustat in front of an upstream server. */
import { pino } from 'pino';
import { compose } from '../../../src/compose.ts';
import { type ConfigInput, parseConfig } from '../../../src/config/schema.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { INSTRUMENTED, PLAIN } from '../../runtime/upstream/upstream-lab.ts';

export interface Front {
  readonly taustat: Taustat;
  /** Lines of its log. */
  readonly log: readonly string[];
  /** A GET or, with a body, PUT request to its routes. */
  readonly ask: (path: string, body?: unknown) => Promise<{ status: number; json: Record<string, unknown> }>;
}

export async function openFront(
  url: string,
  { upstream, ...config }: ConfigInput & { upstream?: Partial<NonNullable<ConfigInput['upstream']>> } = {},
): Promise<Front> {
  const log: string[] = [];
  const models = [{ name: PLAIN, instrumented: INSTRUMENTED }];
  const parsed = parseConfig({
    runtime: { gates: 'mask' },
    ...config,
    upstream: { url, models, ...upstream },
  });
  const taustat = await compose(parsed, pino({ level: 'info' }, { write: (line) => log.push(line) }));
  return {
    taustat,
    log,
    ask: async (path, body) => {
      const init = body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) };
      const response = await taustat.routes.request(`http://localhost${path}`, init);
      const text = await response.text();
      return { status: response.status, json: text.startsWith('{') ? JSON.parse(text) : { text } };
    },
  };
}

/** Waits for a condition; the limit is for what never comes. */
export async function until(isMet: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await isMet())) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
