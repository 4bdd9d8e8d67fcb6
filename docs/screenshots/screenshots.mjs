// Makes the pictures of this folder from one real server under replayed traffic, half of whose light goes: `npm run screenshots`.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { span, terminalSvg } from '../terminal.mjs';
import { dashboardSvg } from './dashboard.mjs';
import { SCREENSHOTS } from './list.mjs';
import { Prometheus } from './prometheus.mjs';
import { Scene, taustat } from './scene.mjs';

/** @import { Browser, Page } from 'playwright-core' */

/** The one whose light goes. */
const DRIFTING = 'fashion-mnist-vgg';
const OFF = 'optical-digits-mlp';
/** What is to be seen before and after what happens. */
const STEADY_MS = 20_000;
/** 20 to 199 requests. */
const YOUNG_WINDOW = /^Now: ([2-9]\d|1\d\d) sampled/;
const WINDOW = { width: 1280, height: 820 };

const folder = mkdtempSync(join(tmpdir(), 'taustat-screenshots-'));
const scene = new Scene(folder);
const prometheus = new Prometheus();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium' });
try {
  try {
    await scene.open();
    await prometheus.open(folder, scene.url);
    tell(`${scene.url} serves`);
    // The series are those that the page has seen itself.
    const model = await openPage(`${scene.url}/?model=${DRIFTING}`);
    const fleet = await openPage(scene.url);
    await scene.choose(OFF, { mode: 'off' });
    await settled();
    scene.dim(DRIFTING);
    const dimmedAt = prometheus.seconds;
    await scene.until(
      DRIFTING,
      ({ change }) => change.reason === 'drift' || change.reason === 'disagreement',
    );
    tell('the drift is noticed');
    // The new window is young: the reference is what the traffic was before.
    await model.locator('#distributions-note').filter({ hasText: YOUNG_WINDOW }).waitFor();
    await shoot(model, 'activations.png', '#distribution-card');
    await shoot(fleet, 'fleet.png', '#fleet');
    write('top.svg', await topSvg());
    await settled();
    await model.evaluate('scrollTo(0, 0)');
    await shoot(model, 'model.png');
    await model.emulateMedia({ colorScheme: 'dark' });
    await shoot(model, 'model-dark.png');
    write(
      'dashboard.svg',
      await dashboardSvg(prometheus, DRIFTING, { at: dimmedAt, label: 'half the light' }),
    );
  } finally {
    await scene.close();
    await prometheus.close();
  }
  await shoot(await openReport(), 'report.png');
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
const missing = Object.keys(SCREENSHOTS).filter((name) => !existsSync(new URL(name, import.meta.url)));
if (missing.length > 0) throw new Error(`not made: ${missing.join(', ')}`);

/** All of production is pruned, and still is after a while. */
async function settled() {
  let isSettled = false;
  while (!isSettled) {
    await scene.until(DRIFTING, isAllPruned);
    await sleep(STEADY_MS);
    isSettled = isAllPruned(await scene.report(DRIFTING));
  }
  tell('all of production is pruned');
}

/** @param {import('../../dist/tools/demo/run.js').PruningReport} report */
function isAllPruned({ state, exposure }) {
  return state === 'tracking' && exposure === 1;
}

/** @param {string} url @returns {Promise<Page>} */
async function openPage(url) {
  const page = await browser.newPage({ viewport: WINDOW, colorScheme: 'light' });
  await page.goto(url);
  return page;
}

/** The report of the bundled model. */
async function openReport() {
  const file = join(folder, 'report.html');
  const inputs = 'models/fashion-mnist-vgg';
  const analyzed = taustat(
    'analyze',
    ...[`${inputs}/model.onnx`, '--inputs', `${inputs}/inputs.npy`, '--labels', `${inputs}/labels.npy`],
    ...['--full', '--html', file],
  );
  tell(await analyzed.output());
  return openPage(pathToFileURL(file).href);
}

/**
 * Takes a picture of what fits the window, or of an element.
 *
 * @param {Page} page @param {keyof typeof SCREENSHOTS} name @param {string} [selector]
 */
async function shoot(page, name, selector) {
  const target = selector === undefined ? page : page.locator(selector);
  write(name, await target.screenshot({ animations: 'disabled' }));
}

/** Two looks of `taustat top`, of which the second tells requests per second. */
async function topSvg() {
  const top = taustat('top', '--url', scene.url, '--interval', '3');
  await top.saying(/model[\s\S]*\n\n[\s\S]*model[\s\S]*\n\n/);
  await top.stop();
  const [, second = ''] = (await top.output()).split('\n\n').filter((look) => look.trim() !== '');
  const lines = second.split('\n').map((line, i) => [span(i === 0 ? 'name' : 'value', line.trimEnd())]);
  return terminalSvg([[span('head', '$ taustat top')], ...lines], SCREENSHOTS['top.svg']);
}

/** @param {keyof typeof SCREENSHOTS} name @param {string | Buffer} content */
function write(name, content) {
  writeFileSync(new URL(name, import.meta.url), content);
  tell(`${name}: ${Math.ceil(content.length / 1024)} KiB`);
}

/** @param {string} what */
function tell(what) {
  process.stderr.write(`${what}\n`);
}
