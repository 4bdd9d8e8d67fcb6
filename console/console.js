// @ts-check
import { followChanges, listModels, RefusedError, readMetrics, readReport } from './api.js';
import { createCurvePlot, cursorText } from './curve-plot.js';
import { byId, html, setText } from './elements.js';
import { createEventLog } from './event-log.js';
import { readExposition, samplesOf } from './exposition.js';
import { clock } from './format.js';
import { frameOf, withFrame } from './frames.js';
import { createModeControls } from './mode-controls.js';
import { SERIES } from './series.js';
import { createSeriesPlot } from './series-plot.js';
import { createStatePanel } from './state-panel.js';
import { drawRibbon } from './state-ribbon.js';
import { createFeatureTable, createSiteTable } from './tables.js';
import { createTrafficMeter } from './traffic.js';

/** @import { Report } from './api.js' */
/** @import { Axis } from './curve-axes.js' */
/** @import { CurvePoint } from './curve-model.js' */
/** @import { Exposition } from './exposition.js' */
/** @import { Frame } from './frames.js' */

const POLL_MS = 1000;
/** A server that is away is asked less often. */
const RETRY_MS = 2000;
/** How often it is looked which models there are. */
const MODELS_MS = 5000;

const link = byId('link', HTMLElement);
const modelChoice = byId('model', HTMLSelectElement);
const ribbon = byId('ribbon', SVGSVGElement);
const cursorLine = byId('cursor-text', HTMLElement);
const fixHere = byId('fix-here', HTMLButtonElement);
const noCurve = byId('no-curve', HTMLElement);

const showState = createStatePanel();
const modes = createModeControls((report) => {
  modeChanges++;
  show(report);
});
const showSites = createSiteTable();
const showFeatures = createFeatureTable();
const changes = createEventLog();
const curve = createCurvePlot(byId('curve', HTMLElement), showCursor);
const plots = SERIES.map((series) => createSeriesPlot(series, hover));
byId('tiles', HTMLElement).append(...plots.map(({ tile }) => tile));

/** @type {readonly Frame[]} */
let frames = [];
/** @type {number | null} */
let hoveredAt = null;
/** @type {CurvePoint | null} */
let cursor = null;
/** @type {Exposition} */
let exposition = new Map();

/** How often the mode was changed here: a report that was asked for before a change is out of date. */
let modeChanges = 0;

/** @param {number | null} at */
function hover(at) {
  hoveredAt = at;
  for (const { update } of plots) update(frames, hoveredAt);
}

/** @param {CurvePoint | null} point */
function showCursor(point) {
  cursor = point;
  fixHere.hidden = point === null;
  setText(
    cursorLine,
    point === null ? 'Point at the curve, or focus it and use the arrow keys.' : cursorText(point),
  );
}

/** @param {Report} report */
function show(report) {
  showState(report, Date.now());
  modes.update(report);
  changes.add(report);
  showSites(report);
  showFeatures(report);
  curve.update(report, measuredFreeEnergy(report));
  noCurve.hidden = report.curve !== null;
  cursorLine.hidden = report.curve === null;
  setText(noCurve, noCurveText(report));
}

/** @param {Report} report */
function noCurveText({ sites, mode, window }) {
  if (sites.length === 0) return 'No site of this model can be gated, so there is no curve.';
  if (mode === 'off') return 'Mode off: nothing is sampled, so there is no curve.';
  return `The curve appears with the first estimate; the window holds ${window.samples} of ${window.capacity} sampled requests.`;
}

/** @param {Report} report */
function measuredFreeEnergy({ model, judgedThreshold }) {
  if (judgedThreshold === 0) return null;
  const [sample] = samplesOf(exposition, 'taustat_free_energy', { model, kind: 'measured' });
  return sample?.value ?? null;
}

/** @param {string} model */
function follow(model) {
  const meter = createTrafficMeter(model);
  frames = [];
  let isFollowed = true;
  /** @type {ReturnType<typeof setTimeout>} */
  let next;

  async function poll() {
    const changesBefore = modeChanges;
    const heard = await Promise.all([readReport(model), readMetrics()]).catch(lose);
    if (!isFollowed) return;
    next = setTimeout(poll, heard === undefined ? RETRY_MS : POLL_MS);
    if (heard !== undefined && modeChanges === changesBefore) take(...heard);
  }

  /**
   * @param {Report} report
   * @param {string} metrics
   */
  function take(report, metrics) {
    setLink('live', 'live');
    exposition = readExposition(metrics, 'taustat_');
    const at = Date.now();
    frames = withFrame(frames, frameOf(at, report, meter.observe(at, exposition), frames.at(-1)));
    show(report);
    hover(hoveredAt);
    drawRibbon(ribbon, frames);
  }

  const unfollow = followChanges(model, changes.add);
  void poll();
  return () => {
    isFollowed = false;
    clearTimeout(next);
    unfollow();
  };
}

/** @param {unknown} error */
function lose(error) {
  changes.lose();
  const since = frames.at(-1)?.at;
  const last = since === undefined ? '' : `; last heard at ${clock(since)}`;
  const status = error instanceof RefusedError ? error.status : null;
  const why = status === null ? 'no answer from the server' : `the server answers ${status}`;
  if (status === 401) {
    setLink('lost', `the server wants a token${last}`);
    modes.askForToken();
  } else setLink('lost', `${why}, trying again${last}`);
}

/**
 * @param {'live' | 'lost'} state
 * @param {string} text
 */
function setLink(state, text) {
  document.body.dataset.link = state;
  setText(link, text);
}

/**
 * Offers the models that answer, and the one that is followed even when it does not.
 *
 * @param {readonly string[]} models
 * @param {string} followed
 */
function offerModels(models, followed) {
  const names = models.includes(followed) ? models : [followed, ...models];
  const offered = [...modelChoice.options].map(({ value }) => value);
  if (offered.join('\n') === names.join('\n')) return;
  modelChoice.replaceChildren(...names.map((name) => html('option', { value: name }, name)));
  modelChoice.value = followed;
  modelChoice.disabled = names.length === 1;
}

async function start() {
  try {
    const models = await listModels();
    if (models[0] === undefined) throw new Error('no model is served');
    offerModels(models, models[0]);
    document.title = `${models[0]} – taustat`;
    let unfollow = follow(models[0]);
    modelChoice.addEventListener('change', () => {
      unfollow();
      unfollow = follow(modelChoice.value);
      document.title = `${modelChoice.value} – taustat`;
    });
    setInterval(() => {
      listModels().then(
        (now) => offerModels(now, modelChoice.value),
        () => undefined,
      );
    }, MODELS_MS);
  } catch (error) {
    lose(error);
    setTimeout(start, RETRY_MS);
  }
}

fixHere.addEventListener('click', () => {
  if (cursor !== null) modes.offerThreshold(cursor.threshold);
});
for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (
  document.querySelectorAll('button[data-axis]')
)) {
  button.addEventListener('click', () => {
    for (const other of document.querySelectorAll('button[data-axis]')) {
      other.setAttribute('aria-pressed', String(other === button));
    }
    curve.setAxis(/** @type {Axis} */ (button.dataset.axis));
  });
}
new ResizeObserver(() => {
  hover(hoveredAt);
  drawRibbon(ribbon, frames);
}).observe(ribbon);
void start();
