import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigInput, createTaustat, type Taustat } from '../../../src/index.ts';
import { BinaryClient } from '../../../src/tools/demo/client.ts';
import type { PruningReport } from '../../../src/tools/demo/run.ts';
import { inputRows } from '../../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { RepositoryLab } from '../../models/repository/repository-lab.ts';
import { perceptron } from '../../runtime/small-models.ts';
import { SMALL_GATED, SMALL_NAME, smallCnn } from '../../small-cnn.ts';
import { until } from './until.ts';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const IS_CI = process.env.CI === 'true';
const SPEC = { name: 'image', datatype: 'FP32', shape: [-1, 1, 28, 28] } as const;
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 844 };

class Server {
  readonly taustat: Taustat;
  readonly listening: Listening;
  readonly #client: BinaryClient;
  #sent = 0;

  private constructor(taustat: Taustat, listening: Listening) {
    this.taustat = taustat;
    this.listening = listening;
    this.#client = new BinaryClient(listening.url, taustat.model, 2);
  }

  static async start(config: ConfigInput = {}, port = 0): Promise<Server> {
    const taustat = await createTaustat({
      ...SMALL_GATED,
      sampling: { ratio: 1, budget: 1 },
      agreement: { floor: 0.9 },
      // A threshold that stays where it is, so that the page and the report can be compared.
      control: { policy: 'earliest' },
      telemetry: { logLevel: 'silent' },
      ...config,
    });
    return new Server(taustat, await listen(taustat.routes, { host: '127.0.0.1', port }));
  }

  get url(): string {
    return this.listening.url;
  }

  async report(): Promise<PruningReport> {
    const answer = await fetch(`${this.url}/v2/models/${this.taustat.model}/pruning`);
    return (await answer.json()) as PruningReport;
  }

  /** Sends images until something holds; fails loudly after 4,000. */
  async sendUntil(holds: (report: PruningReport) => boolean): Promise<PruningReport> {
    const rows = inputRows([SPEC], new Map([['image', await readNpy(smallCnn('inputs.npy'))]]));
    for (let batch = 0; batch < 200; batch++) {
      for (let i = 0; i < 20; i++) {
        const row = this.#sent++ % rows.count;
        const { status } = await this.#client.infer(`console-${this.#sent}`, rows.batch(row, row + 1), 'on');
        expect(status).toBe(200);
      }
      const report = await this.report();
      if (holds(report)) return report;
    }
    throw new Error(`4,000 images were not enough; the state is ${(await this.report()).state}`);
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.listening.stop(100);
    await this.taustat.close();
  }
}

describe.skipIf(!existsSync(CHROMIUM) && !IS_CI)(
  `the console in a browser (${CHROMIUM}; another one by CHROMIUM_PATH; left out where there is none, except in CI)`,
  () => {
    let browser: Browser;
    let server: Server;
    const servers: Server[] = [];
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM, timeout: 0 });
      server = await Server.start();
    });
    afterEach(async () => {
      for (const context of browser.contexts()) await context.close();
      for (const other of servers.splice(0)) await other.stop();
    });
    afterAll(async () => {
      await browser?.close();
      await server?.stop();
    });

    /** A page that waits as long as its test does. */
    async function newPage(viewport: typeof WIDE): Promise<Page> {
      const page = await browser.newPage({ viewport });
      page.setDefaultTimeout(0);
      return page;
    }

    async function open(
      url: string,
      viewport = WIDE,
    ): Promise<{ page: Page; complaints: string[]; asked: string[] }> {
      const page = await newPage(viewport);
      const complaints: string[] = [];
      const asked: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('request', (request) => asked.push(request.url()));
      await page.goto(url);
      await page.locator('[data-link="live"]').waitFor();
      return { page, complaints, asked };
    }

    it('shows warming before there is traffic, and says why there is no curve', async () => {
      const { page, complaints } = await open(server.url);
      expect(await page.locator('#state').textContent()).toBe('warming');
      expect(await page.title()).toBe(`${SMALL_NAME} – taustat`);
      expect(await page.locator('#no-curve').textContent()).toContain('0 of 256 sampled requests');
      expect(await page.locator('#curve svg path').count()).toBe(0);
      expect(await page.locator('#sites tbody tr').count()).toBe(5);
      expect(complaints).toEqual([]);
    });

    it('follows the model from warming to tracking: state, τ*, curve, series, sites and every change', async () => {
      const { page, complaints, asked } = await open(server.url);
      await server.sendUntil(({ state, production }) => state === 'tracking' && production.share === 1);
      await page.locator('#state:text-is("tracking")').waitFor();
      await server.sendUntil(() => true);
      // What the last images showed arrives after their answers: the same report twice is the last one.
      let last = await server.report();
      for (let before = ''; before !== JSON.stringify(last.curve); last = await server.report()) {
        before = JSON.stringify(last.curve);
        await page.waitForResponse(/\/pruning$/);
      }
      const { critical, curve, features, sites, threshold } = last;
      // Two more reports: the second one was asked for after the last image.
      for (let i = 0; i < 2; i++) await page.waitForResponse(/\/pruning$/);
      await page.waitForResponse(/\/metrics$/);

      const label = await page.locator('#curve .critical-label').textContent();
      const shown = /^τ\* (\S+), β\* (\S+) %$/.exec(label ?? '');
      expect(Number(shown?.[1])).toBeCloseTo(critical!.threshold, 1);
      expect(Number(shown?.[2]) / 100).toBeCloseTo(critical!.sparsity, 1);
      const applied = await page.locator('#curve .applied text').textContent();
      expect(applied).toBe(`in production τ ${Number(threshold.toPrecision(3))}`);
      for (const line of ['continuous', 'raw']) {
        const path = (await page.locator(`#curve path.${line}`).getAttribute('d')) ?? '';
        const values = line === 'raw' ? curve!.freeEnergy : curve!.continuous;
        const points = values.filter((value) => value !== null);
        expect(path.match(/L-?[\d.]+,-?[\d.]+/g)).toHaveLength(points.length);
      }
      expect(await page.locator('#curve .features path').count()).toBe(features.length);
      expect(await page.locator('#curve .measured circle').count()).toBe(1);

      const figure = async (id: string) =>
        Number.parseFloat((await page.locator(`#series-${id} .value`).textContent())!);
      expect(await figure('threshold')).toBeCloseTo(threshold, 2);
      expect(await figure('agreement')).toBeGreaterThan(90);
      const { loss } = await server.report();
      expect(await page.locator('#loss-allowed').textContent()).toBe(
        `of ${Number(loss.allowed.toFixed(4))} allowed`,
      );
      expect(await page.locator('#objective').getAttribute('data-standing')).toBe('kept');
      expect(await page.locator('#stages .current').textContent()).toBe('100 %');
      expect(await page.locator('#meaning').textContent()).toContain('Every answer is pruned at τ');
      expect(await figure('sparsity')).toBeGreaterThan(1);
      expect(await figure('latency')).toBeGreaterThan(0);
      expect(await figure('requests')).toBeGreaterThan(0);
      const cells = await page.locator('#sites tbody tr').first().locator('th, td').allTextContents();
      expect(cells.slice(0, 3)).toEqual([
        sites[0]!.name,
        sites[0]!.op,
        String(Number(threshold.toPrecision(3))),
      ]);
      expect(Number.parseFloat(cells[3]!) / 100).toBeCloseTo(sites[0]!.sparsity!, 1);
      const changes = await page.locator('#events .chip').allTextContents();
      expect([...new Set(changes)]).toEqual(['tracking', 'trial', 'warming']);
      const late = await open(server.url);
      await late.page
        .locator('#events .chip')
        .nth(changes.length - 1)
        .waitFor();
      expect(await late.page.locator('#events .chip').allTextContents()).toEqual(changes);

      expect(complaints).toEqual([]);
      expect(asked.filter((url) => !url.startsWith(server.url))).toEqual([]);
    });

    it('reads the curve by keyboard, on either axis', async () => {
      const { page, complaints } = await open(server.url);
      const { curve } = await server.sendUntil(({ curve }) => curve !== null);
      await page.locator('#curve path.continuous').waitFor();
      await page.locator('#curve').focus();
      await page.keyboard.press('Home');
      const first = await page.locator('#curve').getAttribute('aria-valuetext');
      expect(first).toMatch(new RegExp(`^τ ${Number(curve!.thresholds[0]!.toPrecision(3))}, β \\d`));
      const lines = [curve!.freeEnergy[0], curve!.continuous[0]].filter((value) => value !== null);
      expect(await page.locator('#curve .cursor circle').count()).toBe(lines.length);
      await page.keyboard.press('ArrowRight');
      expect(await page.locator('#curve').getAttribute('aria-valuenow')).toBe('1');
      const before = await page.locator('#curve path.continuous').getAttribute('d');
      await page.locator('#free-energy').getByRole('button', { name: 'β', exact: true }).click();
      expect(await page.locator('#curve path.continuous').getAttribute('d')).not.toBe(before);
      await page.locator('#curve').focus();
      await page.keyboard.press('Escape');
      expect(await page.locator('#curve .cursor').count()).toBe(0);
      expect(complaints).toEqual([]);
    });

    it('changes the mode when a button is pressed', async () => {
      const { page, complaints } = await open(server.url);
      await page.getByRole('button', { name: 'observe' }).click();
      await page.locator('#state:text-is("observe")').waitFor();
      expect((await server.report()).mode).toBe('observe');
      expect(await page.getByRole('button', { name: 'observe' }).getAttribute('aria-pressed')).toBe('true');

      await page.getByRole('button', { name: 'fixed' }).click();
      await page.getByRole('spinbutton', { name: 'Threshold τ' }).fill('0.25');
      await page.getByRole('button', { name: 'Apply' }).click();
      await page.locator('#state:text-is("fixed")').waitFor();
      expect(await server.report()).toMatchObject({ mode: 'fixed', threshold: 0.25 });

      await page.getByRole('button', { name: 'off' }).click();
      await page.locator('#state:text-is("off")').waitFor();
      expect(await server.report()).toMatchObject({ mode: 'off', threshold: 0 });
      await page.getByRole('button', { name: 'auto' }).click();
      await page.locator('#state:text-is("warming")').waitFor();
      expect((await page.locator('#events .chip').allTextContents()).slice(0, 4)).toEqual([
        'warming',
        'off',
        'fixed',
        'observe',
      ]);
      expect(complaints).toEqual([]);
    });

    it('says 401 plainly, and tries again with the token that it is given', async () => {
      const guarded = await Server.start({ control: { token: 'a-secret-token' } });
      servers.push(guarded);
      const { page } = await open(guarded.url);
      await page.getByRole('button', { name: 'observe' }).click();
      await page.locator('#mode-answer:has-text("401")').waitFor();
      expect((await guarded.report()).mode).toBe('auto');
      await page.getByLabel('Bearer token').fill('a-secret-token');
      await page.keyboard.press('Enter');
      await page.locator('#state:text-is("observe")').waitFor();
      expect((await guarded.report()).mode).toBe('observe');
      expect(await page.getByLabel('Bearer token').isVisible()).toBe(false);
    });

    it('wants the token of the data plane before it shows anything, and of the control plane before it changes anything', async () => {
      const guarded = await Server.start({
        server: { token: 'data-secret' },
        control: { token: 'control-secret' },
      });
      servers.push(guarded);
      const page = await newPage(WIDE);
      await page.goto(guarded.url);
      await page.locator('#link:text-is("the server wants a token")').waitFor();
      const field = page.getByLabel('Bearer token');
      await field.fill('data-secret');
      await page.keyboard.press('Enter');
      await page.locator('[data-link="live"]').waitFor();
      expect(await page.locator('#state').textContent()).toBe('warming');
      expect(await field.isVisible()).toBe(false);
      await page.getByRole('button', { name: 'observe' }).click();
      await page.locator('#mode-answer:has-text("401")').waitFor();
      await field.fill('control-secret');
      await page.keyboard.press('Enter');
      await page.locator('#state:text-is("observe")').waitFor();
      await page.locator('#events .chip:text-is("observe")').waitFor();
    });

    it('offers every model that answers, also one that comes later, and shows the one that is picked', async () => {
      const lab = await RepositoryLab.open({
        'alpha/1': perceptron(),
        'beta/1': perceptron(),
        'bad/1': 'broken',
      });
      await lab.ask('PUT', '/v2/models/beta/pruning', { mode: 'off' });
      const { page, complaints } = await open(`http://127.0.0.1:${lab.port}/?model=alpha`);
      const picker = page.getByRole('combobox', { name: 'Model' });
      expect(await picker.locator('option').allTextContents()).toEqual(['alpha', 'beta']);
      expect([await page.title(), await page.locator('#state').textContent()]).toEqual([
        'alpha – taustat',
        'warming',
      ]);
      await picker.focus();
      await page.keyboard.press('ArrowDown');
      await page.locator('#state:text-is("off")').waitFor();
      expect(await page.title()).toBe('beta – taustat');
      await page.getByRole('button', { name: 'observe' }).click();
      await page.locator('#state:text-is("observe")').waitFor();
      expect((await lab.ask('GET', '/v2/models/alpha/pruning')).body.mode).toBe('auto');
      await lab.put('gamma/1', perceptron());
      await lab.load('gamma');
      await lab.unload('alpha');
      await until(async () => (await picker.locator('option').allTextContents()).join() === 'beta,gamma');
      expect(await picker.inputValue()).toBe('beta');
      expect(complaints).toEqual([]);
      await page.close();
      await lab.close();
    });

    it('has the model in its address: it can be linked to, and the browser goes back and forward', async () => {
      const lab = await RepositoryLab.open({ 'alpha/1': perceptron(), 'beta/1': perceptron() });
      await lab.ask('PUT', '/v2/models/beta/pruning', { mode: 'off' });
      const { page } = await open(`http://127.0.0.1:${lab.port}/?model=beta`);
      await page.locator('#events .chip:text-is("off")').waitFor();
      expect(await page.getByRole('combobox', { name: 'Model' }).inputValue()).toBe('beta');
      await page.getByRole('combobox', { name: 'Model' }).selectOption('alpha');
      await page.locator('#state:text-is("warming")').waitFor();
      expect(new URL(page.url()).search).toBe('?model=alpha');
      await page.locator('#events .chip:text-is("warming")').waitFor();
      expect(await page.locator('#events .chip').allTextContents()).toEqual(['warming']);
      await page.goBack();
      await page.locator('#state:text-is("off")').waitFor();
      expect(await page.getByRole('combobox', { name: 'Model' }).inputValue()).toBe('beta');
      await page.goForward();
      await page.locator('#state:text-is("warming")').waitFor();
      await page.goto(`http://127.0.0.1:${lab.port}/?model=gone`);
      await page.locator('#link:has-text("model ‘gone’ is not served")').waitFor();
      await page.close();
      await lab.close();
    });

    it('says that no model is served, and what to do, instead of an outage; and goes on once one is', async () => {
      const lab = await RepositoryLab.open({});
      const page = await newPage(WIDE);
      await page.goto(`http://127.0.0.1:${lab.port}`);
      await page.locator('[data-link="empty"]').waitFor();
      expect(await page.locator('#link').textContent()).toBe('no model is served');
      expect(await page.locator('#nothing-served').innerText()).toContain('NAME/1/model.onnx');
      expect(await page.locator('#one-model').isVisible()).toBe(false);
      await lab.put('bad/1', 'broken');
      await page.locator('#unserved tbody th:text-is("bad")').waitFor();
      await lab.put('alpha/1', perceptron());
      await lab.load('alpha');
      await page.locator('[data-link="live"]').waitFor();
      expect(await page.locator('#nothing-served').isVisible()).toBe(false);
      await page.close();
      await lab.close();
    });

    it('shows an objective that is broken in red, in mode fixed, and no text of a trial', async () => {
      const bad = await Server.start({ agreement: { floor: 0.99, alarmRunLength: 1e9 } });
      servers.push(bad);
      await fetch(`${bad.url}/v2/models/${bad.taustat.model}/pruning`, {
        method: 'PUT',
        body: '{"mode":"fixed","threshold":1}',
      });
      const { page } = await open(bad.url);
      await bad.sendUntil(({ loss, exposure }) => exposure === 1 && (loss.mean ?? 0) > loss.allowed);
      await page.locator('#objective[data-standing="broken"]').waitFor();
      const colour = await page.evaluate("getComputedStyle(document.querySelector('#loss-mean')).color");
      expect(colour).toBe('rgb(179, 32, 31)');
      expect(await page.locator('#meaning').textContent()).toContain('Every answer is pruned at τ 1.');
      expect(await page.locator('#status').innerText()).not.toMatch(/trial|dense/);
    });

    it('says what part of production is pruned while a candidate is ramped', async () => {
      const ramped = await Server.start({ control: { policy: 'earliest', rampSamples: 100 } });
      servers.push(ramped);
      const { exposure } = await ramped.sendUntil(({ exposure }) => exposure > 0 && exposure < 1);
      const { page } = await open(ramped.url);
      const share = `${100 * exposure} %`;
      await page.locator(`#stages .current:text-is("${share}")`).waitFor();
      expect(await page.locator('#meaning').textContent()).toMatch(
        new RegExp(`^${share} of production is pruned at τ`),
      );
      expect(await page.locator('#exposure-figure').textContent()).toBe(share);
      const text = await page.getByRole('main').innerText();
      expect(text).not.toMatch(/answers (are|stay) dense|every answer is dense/i);
    });

    it('says when the server is away, and goes on when it is back', async () => {
      const first = await Server.start();
      const { page } = await open(first.url);
      await first.stop();
      await page.locator('[data-link="lost"]').waitFor();
      expect(await page.locator('#link').textContent()).toContain('no answer from the server');
      const second = await Server.start({ control: { mode: 'observe' } }, first.listening.port);
      servers.push(second);
      await page.locator('[data-link="live"]').waitFor();
      await page.locator('#state:text-is("observe")').waitFor();
      await page.getByRole('button', { name: 'off' }).click();
      await page.locator('#events .chip:text-is("off")').waitFor();
      expect(await page.locator('#events .chip').allTextContents()).toEqual(['off', 'observe']);
    });

    it('fits a phone: nothing is wider than the window, and buttons are large enough', async () => {
      const { page, complaints } = await open(server.url, NARROW);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(NARROW.width);
      for (const name of ['auto', 'observe', 'fixed', 'off']) {
        const box = await page.getByRole('button', { name, exact: true }).boundingBox();
        expect(box!.height).toBeGreaterThanOrEqual(40);
      }
      expect(complaints).toEqual([]);
    });
  },
);
