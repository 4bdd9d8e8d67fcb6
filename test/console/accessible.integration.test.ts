import type { ModelProto } from 'onnx-buf';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RepositoryLab } from '../models/repository/repository-lab.ts';
import { model, node, tensor, value } from '../onnx/models.ts';
import { perceptron, perceptronInput } from '../runtime/small-models.ts';
import { until } from '../transport/http/until.ts';
import { HAS_NO_BROWSER, launch, newPage, violations } from './browser.ts';

const SITES = 60;
const MODELS = 20;
/** A window that a test fills quickly. */
const SETTINGS = {
  sampling: { ratio: 1, budget: 1 },
  window: { slices: 8, sliceSamples: 8, minSamples: 48, every: 8 },
  agreement: { floor: 0.5 },
} as const;

/** A perceptron of 60 hidden layers, each a product with the identity, whose activations can be gated. */
function deep(): ModelProto {
  const layers = Array.from({ length: SITES }, (_, i) => [
    node('MatMul', [i === 0 ? 'x' : `r${i}`, 'eye'], `h${i}`),
    node('Relu', [`h${i}`], i === SITES - 1 ? 'last' : `r${i + 1}`, {}, { name: `layer${i}/relu` }),
  ]);
  return model({
    nodes: [...layers.flat(), node('MatMul', ['last', 'eye'], 'y')],
    inputs: [value('x', ['N', 4])],
    outputs: [value('y', ['N', 4])],
    initializers: [tensor('eye', [4, 4], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])],
  });
}

const VIEWS = [1440, 1280, 390].flatMap((width) =>
  (['light', 'dark'] as const).map((scheme) => ({ width, scheme })),
);

describe.skipIf(HAS_NO_BROWSER)('20 models, one of which has 60 sites', () => {
  let browser: Browser;
  let lab: RepositoryLab;
  let url: string;
  beforeAll(async () => {
    browser = await launch();
    const names = Array.from({ length: MODELS - 2 }, (_, i) => `model-${i + 1}`);
    lab = await RepositoryLab.open(
      {
        'deep/1': deep(),
        'broken/1': 'no model',
        ...Object.fromEntries(names.map((name) => [`${name}/1`, perceptron()])),
      },
      SETTINGS,
    );
    url = `http://127.0.0.1:${lab.port}/`;
    await lab.ask('PUT', '/v2/models/model-2/pruning', { mode: 'off' });
    await lab.ask('PUT', '/v2/models/model-3/pruning', { mode: 'observe' });
    await lab.ask('PUT', '/v2/models/model-4/pruning', { mode: 'fixed', threshold: 3 });
    const { shape, elements } = perceptronInput(4);
    const data = [...(elements as Float32Array)];
    for (let i = 0; i < 200; i++) {
      await lab.infer('model-4', { name: 'x', datatype: 'FP32', shape, data });
      const random = Array.from({ length: 4 }, (_, j) => 1 + ((i * 37 + j * 11) % 101) / 10);
      await lab.infer('deep', { name: 'x', datatype: 'FP32', shape: [1, 4], data: random });
    }
    await until(async () => (await lab.ask('GET', '/v2/models/deep/pruning')).body.curve !== null);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await lab?.close();
  });

  async function live(page: Page, address: string, ready: string): Promise<void> {
    await page.goto(address);
    await page.locator('[data-link="live"]').waitFor();
    await page.locator(ready).first().waitFor();
  }

  it.each(VIEWS)('breaks no rule of axe and fits the window: $width px, $scheme', async (view) => {
    const { page, complaints } = await newPage(browser, view);
    const faults: Record<string, readonly string[]> = {};
    const widths: number[] = [];
    async function look(what: string): Promise<void> {
      faults[what] = await violations(page);
      widths.push(await page.evaluate<number>('document.documentElement.scrollWidth'));
    }
    await live(page, url, '#models tbody tr');
    expect(await page.locator('#models tbody tr').count()).toBe(MODELS);
    await look('fleet');
    await page.getByRole('button', { name: 'Off for all …' }).click();
    await look('fleet, asked to turn all off');
    await live(page, `${url}?model=deep`, '#curve path.continuous');
    expect(await page.locator('#sites tbody tr').count()).toBe(SITES);
    await page.locator('#events li').first().waitFor();
    await page.locator('#distributions figure .current[d^="M"]').first().waitFor();
    expect(await page.locator('#distributions figure').count()).toBe(SITES);
    await look('60 sites');
    await page.locator('#site-card').getByLabel('Filter').fill('no such site');
    await page.getByRole('button', { name: 'fixed' }).click();
    await look('nothing fits the filter, form open');
    await live(page, `${url}?model=model-1`, '#no-curve');
    await look('no data');
    await live(page, `${url}?model=model-4`, '#state:text-is("fixed")');
    await look('fixed');
    expect(complaints).toEqual([]);
    await page.goto(`${url}?model=gone`);
    await page.locator('[data-link="lost"]').waitFor();
    await look('a model that is not there');
    await live(page, `${url}?model=deep`, '#curve path.continuous');
    await page.route('**/v2/**', (route) => route.abort());
    await page.route('**/metrics', (route) => route.abort());
    await page.locator('[data-link="lost"]').waitFor();
    await look('disconnected');
    expect(Object.entries(faults).filter(([, found]) => found.length > 0)).toEqual([]);
    expect(new Set(widths)).toEqual(new Set([view.width]));
  });

  it('is asked for all of them at once, and told what each tells of itself', async () => {
    const { body } = await lab.ask('GET', '/v2/pruning');
    expect(body.models.map(({ model }: { model: string }) => model)).toHaveLength(MODELS - 1);
    for (const { model, ...overview } of body.models) {
      const { body: report } = await lab.ask('GET', `/v2/models/${model}/pruning`);
      expect(report).toMatchObject(overview);
    }
    const { page } = await newPage(browser);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    const looks = () => asked.filter((path) => path === '/v2/pruning').length;
    await live(page, url, '#models tbody tr');
    await until(() => looks() >= 3);
    expect(new Set(asked.filter((path) => path.startsWith('/v2/')))).toEqual(
      new Set(['/v2/repository/index', '/v2/pruning']),
    );
  });

  it('breaks none where no model is served, or a token is asked for', async () => {
    const empty = await RepositoryLab.open({}, { server: { token: 'data-secret' } });
    const { page } = await newPage(browser);
    await page.goto(`http://127.0.0.1:${empty.port}/`);
    await page.locator('#token-form').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByLabel('Bearer token').fill('data-secret');
    await page.keyboard.press('Enter');
    await page.locator('[data-link="empty"]').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.close();
    await empty.close();
  });

  it('reaches all that can be used by the Tab key, in the order of the page', async () => {
    const { page } = await newPage(browser);
    await live(page, `${url}?model=deep`, '#curve path.continuous');
    const reached: string[] = [];
    const name = `(({ id, dataset, textContent, parentElement, type }) =>
      id || dataset.mode || dataset.axis || dataset.export || (type === 'search' ? 'filter' : '') ||
      parentElement.closest('[id]').id + ' ' + textContent)(document.activeElement)`;
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate('document.activeElement === document.body')) break;
      reached.push(await page.evaluate<string>(name));
    }
    expect(reached.slice(0, 9)).toEqual([
      'to-fleet',
      'model',
      'auto',
      'observe',
      'fixed',
      'off',
      'threshold',
      'sparsity',
      'curve',
    ]);
    for (const target of ['filter', 'csv', 'json', 'sites Site', 'sites Zero after'])
      expect(reached).toContain(target);
    expect(reached.filter((target) => target === 'csv')).toHaveLength(2);
  });
});
