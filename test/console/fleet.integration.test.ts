import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listen } from '../../src/transport/http/server.ts';
import { RepositoryLab } from '../models/repository/repository-lab.ts';
import { perceptron } from '../runtime/small-models.ts';
import { HAS_NO_BROWSER, launch, newPage, type View } from './browser.ts';

describe.skipIf(HAS_NO_BROWSER)('the fleet in a browser', () => {
  let browser: Browser;
  let lab: RepositoryLab;
  let url: string;
  beforeAll(async () => {
    browser = await launch();
    lab = await RepositoryLab.open({
      'alpha/1': perceptron(),
      'beta/1': perceptron(),
      'broken/1': 'no model',
      'a b&c/1': perceptron(),
    });
    url = `http://127.0.0.1:${lab.port}/`;
    await lab.ask('PUT', '/v2/models/beta/pruning', { mode: 'observe' });
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.close();
  });

  async function open(address: string, view: View = {}) {
    const opened = await newPage(browser, view);
    await opened.page.goto(address);
    await opened.page.locator('[data-link="live"]').waitFor();
    return opened;
  }

  function cells(page: Page, model: string): Promise<string[]> {
    const row = page.locator('#models tbody tr').filter({ has: page.locator(`a:text-is("${model}")`) });
    return row.locator('th, td').allTextContents();
  }

  it('has every model, those that do not answer too, with what is known of each', async () => {
    const { page, complaints } = await open(url);
    expect(await page.title()).toBe('All models – taustat');
    expect((await page.locator('#models tbody a').allTextContents()).toSorted()).toEqual([
      'a b&c',
      'alpha',
      'beta',
      'broken',
    ]);
    const { body } = await lab.ask('GET', '/v2/models/alpha/pruning');
    expect((await cells(page, 'alpha')).slice(0, 6)).toEqual([
      'alpha',
      'warming',
      '0 %',
      '0.0 %',
      '–',
      String(Number(body.loss.allowed.toFixed(4))),
    ]);
    expect((await cells(page, 'beta'))[1]).toBe('observe');
    const [, state, ...rest] = await cells(page, 'broken');
    expect([state, ...rest.slice(0, 4)]).toEqual(['unavailable', '–', '–', '–', '–']);
    expect(rest.at(-1)).toContain('not an ONNX model');
    expect(await page.locator('#fleet-note').textContent()).toBe('4 models, 0 pruned, 1 unavailable.');
    expect(await page.locator('#one-model').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  it('leads to a model by click or keyboard, and back; a reload stays where it is', async () => {
    const { page } = await open(url);
    await page.getByRole('link', { name: 'beta' }).click();
    await page.locator('#state:text-is("observe")').waitFor();
    expect(new URL(page.url()).search).toBe('?model=beta');
    expect(await page.evaluate('document.activeElement.id')).toBe('state');
    expect(await page.locator('#fleet').isVisible()).toBe(false);
    await page.reload();
    await page.locator('#state:text-is("observe")').waitFor();
    await page.goBack();
    await page.locator('#models tbody tr').first().waitFor();
    expect(page.url()).toBe(url);
    await page.getByRole('link', { name: 'a b&c' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('#state:text-is("warming")').waitFor();
    expect(new URL(page.url()).searchParams.get('model')).toBe('a b&c');
    await page.getByRole('link', { name: 'All models' }).press('Enter');
    await page.locator('#models tbody tr').first().waitFor();
    expect([page.url(), await page.evaluate('document.activeElement.id')]).toEqual([url, 'fleet-title']);
  });

  it('works below a path', async () => {
    const mounting = new Hono().route('/ml', lab.taustat.routes as never) as never;
    const below = await listen(mounting, { host: '127.0.0.1', port: 0 });
    const { page, complaints } = await open(`${below.url}/ml/`);
    await page.getByRole('link', { name: 'beta' }).click();
    await page.locator('#state:text-is("observe")').waitFor();
    expect(page.url()).toBe(`${below.url}/ml/?model=beta`);
    await page.reload();
    await page.locator('#state:text-is("observe")').waitFor();
    await page.getByRole('link', { name: 'All models' }).click();
    await page.locator('#models tbody tr').first().waitFor();
    expect(page.url()).toBe(`${below.url}/ml/`);
    expect(complaints).toEqual([]);
    await page.close();
    await below.stop(0);
  });

  it('is sorted and filtered, and exported as it is shown', async () => {
    const { page } = await open(url);
    const names = () => page.locator('#models tbody a').allTextContents();
    const head = page.locator('#models th:has(button:text-is("Model"))');
    await head.getByRole('button').click();
    expect(await head.getAttribute('aria-sort')).toBe('ascending');
    await head.getByRole('button').press('Enter');
    expect(await names()).toEqual(['broken', 'beta', 'alpha', 'a b&c']);
    await page.locator('#fleet').getByLabel('Filter').fill('warming');
    expect(await names()).toEqual(['alpha', 'a b&c']);
    for (const kind of ['CSV', 'JSON'] as const) {
      const [saved] = await Promise.all([
        page.waitForEvent('download'),
        page.locator('#fleet').getByRole('button', { name: kind }).click(),
      ]);
      expect(saved.suggestedFilename()).toBe(`taustat-models.${kind.toLowerCase()}`);
      const text = await readFile(await saved.path(), 'utf8');
      const shown =
        kind === 'JSON'
          ? (JSON.parse(text) as { model: string }[]).map(({ model }) => model)
          : text
              .trim()
              .split('\r\n')
              .map((line) => line.split(',')[0]);
      expect(shown).toEqual(kind === 'JSON' ? ['alpha', 'a b&c'] : ['model', 'alpha', 'a b&c']);
    }
    await page.locator('#fleet').getByLabel('Filter').fill('nothing of the kind');
    await page.locator('#fleet .none-fit:text-is("Nothing fits the filter.")').waitFor();
  });

  it('leads to the sites, the last day and the changes of a model, exported as they are shown', async () => {
    const { page } = await open(`${url}?model=beta`);
    await page.locator('#events li').nth(1).waitFor();
    expect(await page.locator('#events .reason').allTextContents()).toEqual(['mode was set', 'mode was set']);
    expect(await page.locator('#day-text').textContent()).toMatch(/ remembered, 0 % of it pruned: .*observe/);
    expect(await page.locator('#day g[data-state="observe"]').count()).toBe(1);
    const saved = async (card: string, kind: string) => {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.locator(card).getByRole('button', { name: kind }).click(),
      ]);
      return [file.suggestedFilename(), await readFile(await file.path(), 'utf8')];
    };
    const { body } = await lab.ask('GET', '/v2/models/beta/pruning');
    const [site] = body.sites;
    expect(await saved('#site-card', 'CSV')).toEqual([
      'beta-sites.csv',
      `site,op,threshold,sparsity,zero_before,zero_after\r\n${site.name},${site.op},0,,,\r\n`,
    ]);
    const [name, text] = await saved('#event-card', 'JSON');
    expect(name).toBe('beta-changes.json');
    expect(JSON.parse(text!)).toMatchObject([{ state: 'observe', reason: 'operator' }, { state: 'warming' }]);
  });

  it('turns all models off, once it is asked twice', async () => {
    const own = await RepositoryLab.open({ 'alpha/1': perceptron(), 'beta/1': perceptron() });
    const { page } = await open(`http://127.0.0.1:${own.port}/`);
    const modes = async () => {
      const reports = ['alpha', 'beta'].map((name) => own.ask('GET', `/v2/models/${name}/pruning`));
      return (await Promise.all(reports)).map(({ body }) => body.mode);
    };
    await page.getByRole('button', { name: 'Off for all …' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await modes()).toEqual(['auto', 'auto']);
    await page.getByRole('button', { name: 'Off for all …' }).press('Enter');
    await page.keyboard.press('Enter');
    await page.locator('#off-answer:text-is("Mode off for 2 of 2 models.")').waitFor();
    expect(await modes()).toEqual(['off', 'off']);
    await page.locator('#off-all:disabled').waitFor();
    await page.close();
    await own.close();
  });

  it('asks for the token that turning off wants, and goes on with it', async () => {
    const own = await RepositoryLab.open(
      { 'alpha/1': perceptron(), 'beta/1': perceptron() },
      { control: { token: 'a-secret-token' } },
    );
    const { page } = await open(`http://127.0.0.1:${own.port}/`);
    await page.getByRole('button', { name: 'Off for all …' }).click();
    await page.getByRole('button', { name: 'Turn off' }).click();
    await page.locator('#off-answer:has-text("0 of 2 models. 401")').waitFor();
    await page.getByLabel('Bearer token').fill('a-secret-token');
    await page.keyboard.press('Enter');
    await page.locator('#off-answer:text-is("Mode off for 2 of 2 models.")').waitFor();
    expect(await page.getByLabel('Bearer token').isVisible()).toBe(false);
    await page.close();
    await own.close();
  });

  it('says when the server is away', async () => {
    const own = await RepositoryLab.open({ 'alpha/1': perceptron(), 'beta/1': perceptron() });
    const { page } = await open(`http://127.0.0.1:${own.port}/`);
    await own.close();
    await page.locator('#link:has-text("no answer from the server, trying again; last heard at")').waitFor();
  });
});
