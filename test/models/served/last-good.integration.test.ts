import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compose } from '../../../src/compose.ts';
import { type ConfigInput, parseConfig } from '../../../src/config/schema.ts';
import type { pruningReport } from '../../../src/models/pruning-report.ts';
import { replay } from '../../../src/store/replay.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { HAS_NO_BROWSER, launch, newPage, violations } from '../../console/browser.ts';
import { SMALL_GATED, SMALL_NAME, smallCnn } from '../../small-cnn.ts';
import { HAS_REDIS, RedisServer } from '../../store/shared/redis-server.ts';
import { until } from '../../transport/http/until.ts';

const PATH = `/v2/models/${SMALL_NAME}`;
const PIXELS = 784;
/** A threshold is found, and the next one, after some hundred requests. */
const SETTINGS: ConfigInput = {
  ...SMALL_GATED,
  server: { port: 0 },
  sampling: { ratio: 1, budget: 1, searchBudget: 1 },
  agreement: { floor: 0.9 },
  control: { rampSamples: 2 },
  window: { slices: 4, sliceSamples: 16, minSamples: 48 },
};

type Report = ReturnType<typeof pruningReport>;

interface Running {
  readonly taustat: Taustat;
  readonly server: Listening;
}

let folder: string;
let pixels: Float32Array;
const running: Running[] = [];
beforeAll(async () => {
  pixels = (await readNpy(smallCnn('inputs.npy'))).elements as Float32Array;
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-last-good-'));
});
afterEach(async () => {
  await closeAll();
  rmSync(folder, { recursive: true });
});

async function open(settings: ConfigInput): Promise<string> {
  const taustat = await compose(parseConfig({ ...SETTINGS, ...settings }), pino({ level: 'silent' }));
  const server = await listen(taustat.routes, { host: '127.0.0.1', port: 0 });
  running.push({ taustat, server });
  return server.url;
}

async function closeAll(): Promise<void> {
  for (const { taustat, server } of running.splice(0)) {
    await server.stop(0);
    await taustat.close();
  }
}

async function reportOf(url: string): Promise<Report> {
  return (await fetch(`${url}${PATH}/pruning`)).json() as Promise<Report>;
}

async function infer(url: string, i: number): Promise<number> {
  const from = (i % (pixels.length / PIXELS)) * PIXELS;
  const data = Array.from(pixels.subarray(from, from + PIXELS));
  const inputs = [{ name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32', data }];
  const answer = await fetch(`${url}${PATH}/infer`, { method: 'POST', body: JSON.stringify({ inputs }) });
  return ((await answer.json()) as { parameters: { threshold: number } }).parameters.threshold;
}

async function goBack(url: string, body?: object) {
  const init = { method: 'POST', ...(body && { body: JSON.stringify(body) }) };
  const answer = await fetch(`${url}${PATH}/pruning/last-good`, init);
  return {
    status: answer.status,
    body: (await answer.json()) as Report & { error?: string; taken?: object },
  };
}

/** Sends requests until a second threshold has had all of production everywhere. */
async function climb(urls: readonly string[]): Promise<number> {
  let i = 0;
  await until(async () => {
    await Promise.all(urls.map((url) => infer(url, i++)));
    if (i % 20 !== 0) return false;
    const reports = await Promise.all(urls.map(reportOf));
    const known = new Set(reports.map(({ lastGood }) => lastGood.threshold));
    return known.size === 1 && !known.has(null);
  });
  return (await reportOf(urls[0]!)).lastGood.threshold!;
}

describe('going back to the last good threshold', () => {
  const kept = () => ({ store: { enabled: true, folder } });

  it('says why there is none yet', async () => {
    const url = await open(kept());
    expect(await goBack(url)).toEqual({
      status: 409,
      body: {
        error: 'there is no last good threshold: no threshold has had all of production on this traffic yet',
      },
    });
    expect(await reportOf(url)).toMatchObject({ mode: 'auto', lastGood: { threshold: null } });
  });

  it('fixes it for the next answer, over restarts, and is told apart in log and history', async () => {
    const url = await open(kept());
    const shown = await climb([url]);
    expect((await goBack(url, { to: 1.01 * shown })).status).toBe(409);
    expect((await reportOf(url)).mode).toBe('auto');
    // The search goes on by itself, so that another one may be the last good by now.
    const { status, body } = await goBack(url);
    expect([status, body.mode, body.state, body.durable]).toEqual([200, 'fixed', 'fixed', true]);
    const back = body.threshold;
    expect(body.change.reason).toBe('operator');
    expect(body.change.detail).toMatch(/^back from τ = \S+ to the last good threshold: mode fixed at τ = /);
    for (let i = 0; i < 200; i++) expect(await infer(url, i)).toBe(back);
    await closeAll();

    const [audit] = readdirSync(folder).filter((name) => name.endsWith('.audit.jsonl'));
    let latest = '';
    const lines = readFileSync(join(folder, audit!), 'utf8').split('\n');
    for await (const { isSame, derived } of replay(lines)) {
      expect(isSame).toBe(true);
      latest = derived.change.detail;
    }
    expect(latest).toBe(body.change.detail);
    const again = await open(kept());
    expect(await reportOf(again)).toMatchObject({ mode: 'fixed', threshold: back });
    expect(await infer(again, 0)).toBe(back);
  });
});

describe.skipIf(HAS_NO_BROWSER)('the button in the console', () => {
  it('goes back by one click, and says what holds', async () => {
    const url = await open({});
    const browser = await launch();
    const { page, complaints } = await newPage(browser);
    await page.goto(url);
    const button = page.getByRole('button', { name: 'Back to last good' });
    const note = page.locator('#last-good-note');
    await note
      .filter({ hasText: 'None: no threshold has had all of production on this traffic yet.' })
      .waitFor();
    expect(await button.isDisabled()).toBe(true);
    await climb([url]);
    await note.filter({ hasText: 'was proven, and had all of production' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await button.press('Enter');
    await page.locator('#state:text-is("fixed")').waitFor();
    expect(await page.locator('#mode-answer').textContent()).toMatch(
      /^Back to τ \S+: it stays there under the guard until another mode is set/,
    );
    expect((await reportOf(url)).mode).toBe('fixed');
    expect(complaints).toEqual([]);
    await browser.close();
  });
});

describe.skipIf(!HAS_REDIS)('going back at one of two replicas', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.stop());

  it('is taken by both', async () => {
    const store = { enabled: false, url: redis.url, leaseSeconds: 1 };
    const urls = await Promise.all([open({ store }), open({ store })]);
    await climb(urls);
    const roles = await Promise.all(urls.map(async (url) => roleOf(await reportOf(url))));
    // At one that does not decide.
    const { status, body } = await goBack(urls[roles.indexOf('follows')]!);
    expect([status, body.mode, body.taken]).toMatchObject([200, 'fixed', { of: 2 }]);
    await until(async () =>
      (await Promise.all(urls.map(reportOf))).every(
        ({ mode, threshold }) => mode === 'fixed' && threshold === body.threshold,
      ),
    );
  });
});

function roleOf(report: object): string {
  return (report as { replicas: { role: string } }).replicas.role;
}
