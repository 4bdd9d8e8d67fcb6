// @ts-check
import {
  followChanges,
  RefusedError,
  readActivations,
  readHistory,
  readIndex,
  readMetrics,
  readReport,
  readyModels,
} from './api.js';
import { createCurvePlot, cursorText } from './curve-plot.js';
import { createDayPlot } from './day-plot.js';
import { createDistributionPanel } from './distribution-panel.js';
import { byId, html, setText } from './elements.js';
import { createEventLog } from './event-log.js';
import { readExposition, samplesOf } from './exposition.js';
import { createExposureBar } from './exposure-bar.js';
import { namedModels } from './fleet.js';
import { createFleetPanel, modelAddress } from './fleet-panel.js';
import { clock } from './format.js';
import { frameOf, pastFrames, withFrame } from './frames.js';
import { createModeControls } from './mode-controls.js';
import { showNothingServed } from './nothing-served.js';
import { createObjectivePanel } from './objective-panel.js';
import { SERIES } from './series.js';
import { createSeriesPlot } from './series-plot.js';
import { createStatePanel } from './state-panel.js';
import { drawRibbon } from './state-ribbon.js';
import { createFeatureTable, createSiteTable } from './tables.js';
import { createTokenForm } from './token-form.js';
import { createTrafficMeter } from './traffic.js';

/** @import { IndexEntry, Report, Summary } from './api.js' */
/** @import { Axis } from './curve-axes.js' */
/** @import { CurvePoint } from './curve-model.js' */
/** @import { Exposition } from './exposition.js' */
/** @import { Frame } from './frames.js' */

const POLL_MS = 1000;
/** A server that is away is asked less often. */
const RETRY_MS = 2000;
/** How often what happened before is read anew, though nothing changed: time goes on. */
const HISTORY_MS = 60_000;
/** How often the distributions are read: they change with a window. */
const DISTRIBUTIONS_MS = 2000;
/** How often it is looked which models there are. */
const MODELS_MS = 5000;
/** How often the fleet is asked, while it is shown. */
const FLEET_MS = 2000;

const link = byId('link', HTMLElement);
const modelChoice = byId('model', HTMLSelectElement);
const ribbon = byId('ribbon', SVGSVGElement);
const cursorLine = byId('cursor-text', HTMLElement);
const fixHere = byId('fix-here', HTMLButtonElement);
const noCurve = byId('no-curve', HTMLElement);

const showState = createStatePanel();
const showObjective = createObjectivePanel();
const showExposure = createExposureBar();
const tokenForm = createTokenForm();
const toFleet = byId('to-fleet', HTMLAnchorElement);
const fleet = createFleetPanel(tokenForm, () => void look());
const modes = createModeControls(tokenForm, (report) => {
  modeChanges++;
  show(report);
  following?.hear(report);
});
const showDistributions = createDistributionPanel();
const showSites = createSiteTable();
const showFeatures = createFeatureTable();
const showChanges = createEventLog();
const showDay = createDayPlot();
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

/** @type {{ readonly model: string, readonly hear: (summary: Summary) => void, readonly stop: () => void } | null} */
let following = null;
/** Whether the server said that it serves no model at all. */
let servesNothing = false;
/** When a figure was heard last, by the page's clock. @type {number | null} */
let heardAt = null;
/** Looks at the models that were begun: only the last one goes on. */
let looks = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let nextLook;

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
  showObjective(report);
  showExposure(report);
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
  showChanges([], model);
  showDay({ model, now: Date.now(), changes: [] });
  showDistributions(null, Date.now());
  let isFollowed = true;
  let latestChange = '';
  let recalledAt = 0;
  let distributedAt = 0;
  let hasPast = false;
  /** @type {ReturnType<typeof setTimeout>} */
  let next;

  async function poll() {
    const changesBefore = modeChanges;
    /** @type {[Report, string] | undefined} */
    let heard;
    try {
      heard = await Promise.all([readReport(model), readMetrics()]);
    } catch (error) {
      if (!isFollowed) return;
      latestChange = '';
      lose(error);
    }
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
    heardAt = at;
    frames = withFrame(frames, frameOf(at, report, meter.observe(at, exposition), frames.at(-1)));
    show(report);
    hear(report);
    if (recalledAt > 0 && at - recalledAt > HISTORY_MS) void recall();
    if (at - distributedAt >= DISTRIBUTIONS_MS) void distribute(at);
    hover(hoveredAt);
    drawRibbon(ribbon, frames);
  }

  /**
   * A change is told by the stream, by a report, or by the answer to a new mode: the server's history says what came of it.
   *
   * @param {Summary} summary
   */
  function hear({ change }) {
    const key = `${change.at} ${change.reason} ${change.detail}`;
    if (!isFollowed || key === latestChange) return;
    latestChange = key;
    void recall();
  }

  async function recall() {
    try {
      const history = await readHistory(model);
      if (!isFollowed) return;
      recalledAt = Date.now();
      showChanges(history.changes, model);
      showDay(history);
      if (hasPast) return;
      hasPast = true;
      const first = frames[0]?.at ?? Number.POSITIVE_INFINITY;
      frames = [...pastFrames(history, Date.now()).filter(({ at }) => at < first), ...frames];
    } catch {
      // The next report asks again.
      latestChange = '';
    }
  }

  /** @param {number} at */
  async function distribute(at) {
    distributedAt = at;
    try {
      const activations = await readActivations(model);
      if (isFollowed) showDistributions(activations, activations.now);
    } catch {
      // They are read again.
    }
  }

  const unfollow = followChanges(model, hear);
  void poll();
  return {
    model,
    hear,
    stop() {
      isFollowed = false;
      clearTimeout(next);
      unfollow();
    },
  };
}

/**
 * Shows a model in place of the one before.
 *
 * @param {string} model
 */
function go(model) {
  leave();
  document.body.dataset.view = 'model';
  toFleet.removeAttribute('aria-current');
  document.title = `${model} – taustat`;
  offerModels(offeredModels(), model);
  following = follow(model);
}

function showFleet() {
  leave();
  fleet.forget();
  document.body.dataset.view = 'fleet';
  toFleet.setAttribute('aria-current', 'page');
  document.title = 'All models – taustat';
}

function leave() {
  following?.stop();
  following = null;
  heardAt = null;
  modes.forget();
}

/**
 * Shows what the address names: a model, else the fleet. What had the focus may be hidden then: a heading gets it.
 */
function route() {
  const model = addressed();
  if (model === null) showFleet();
  else go(model);
  if (document.activeElement?.checkVisibility?.() !== true || document.activeElement === document.body)
    byId(model === null ? 'fleet-title' : 'state', HTMLElement).focus();
  void look();
}

/** @param {string | URL} address */
function visit(address) {
  history.pushState(null, '', address);
  route();
}

/** The model that the address names. */
function addressed() {
  return new URLSearchParams(location.search).get('model');
}

/** @param {unknown} error */
function lose(error) {
  const last = heardAt === null ? '' : `; last heard at ${clock(heardAt)}`;
  const status = error instanceof RefusedError ? error.status : null;
  if (status === 404 && servesNothing) return;
  if (status === 401) {
    setLink('lost', `the server wants a token${last}`);
    tokenForm.ask();
  } else if (status === 404) setLink('lost', `model ‘${following?.model}’ is not served${last}`);
  else if (status === null) setLink('lost', `no answer from the server, trying again${last}`);
  else setLink('lost', `the server answers ${status}, trying again${last}`);
}

/**
 * @param {'live' | 'lost' | 'empty'} state
 * @param {string} text
 */
function setLink(state, text) {
  document.body.dataset.link = state;
  setText(link, text);
}

function offeredModels() {
  return [...modelChoice.options].map(({ value }) => value);
}

/**
 * Offers the models that answer, and the one that is followed even when it does not.
 *
 * @param {readonly string[]} models
 * @param {string} followed
 */
function offerModels(models, followed) {
  const names = models.includes(followed) ? models : [followed, ...models];
  if (offeredModels().join('\n') !== names.join('\n')) {
    modelChoice.replaceChildren(...names.map((name) => html('option', { value: name }, name)));
    modelChoice.disabled = names.length === 1;
  }
  if (modelChoice.value !== followed) modelChoice.value = followed;
}

/** Looks which models there are, again and again, and how they are while all of them are shown. */
async function look() {
  const number = ++looks;
  clearTimeout(nextLook);
  let wait = MODELS_MS;
  try {
    const index = await readIndex();
    if (number !== looks) return;
    showIndex(index);
    if (servesNothing) wait = RETRY_MS;
    else if (document.body.dataset.view === 'fleet') {
      wait = FLEET_MS;
      await fleet.update(index);
      if (number !== looks) return;
      heardAt = Date.now();
      setLink('live', 'live');
    }
  } catch (error) {
    if (number !== looks) return;
    if (following === null) {
      lose(error);
      wait = RETRY_MS;
    }
  }
  nextLook = setTimeout(look, wait);
}

/** @param {readonly IndexEntry[]} index */
function showIndex(index) {
  const models = readyModels(index);
  const names = [...namedModels(index).keys()];
  servesNothing = models.length === 0;
  showNothingServed(servesNothing ? index : null);
  toFleet.hidden = names.length < 2;
  if (servesNothing) setLink('empty', 'no model is served');
  else if (document.body.dataset.view === 'waiting') {
    const [only, other] = names;
    if (addressed() === null && only !== undefined && other === undefined)
      history.replaceState(null, '', modelAddress(only));
    const model = addressed();
    if (model === null) showFleet();
    else go(model);
  }
  if (following !== null) offerModels(models, following.model);
}

modelChoice.addEventListener('change', () => visit(modelAddress(modelChoice.value)));
addEventListener('popstate', () => {
  if (addressed() !== (following?.model ?? null)) route();
});
// Links within the page need no reload; a new tab or window is left to the browser.
document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const isPlain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (link === null || !isPlain || link.download !== '') return;
  event.preventDefault();
  link.blur();
  visit(link.href);
});
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
void look();
