// @ts-check
import {
  followChanges,
  RefusedError,
  readHistory,
  readIndex,
  readMetrics,
  readReport,
  readyModels,
} from './api.js';
import { createCurvePlot, cursorText } from './curve-plot.js';
import { byId, html, setText } from './elements.js';
import { createEventLog } from './event-log.js';
import { readExposition, samplesOf } from './exposition.js';
import { createExposureBar } from './exposure-bar.js';
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
import { createTrafficMeter } from './traffic.js';

/** @import { Report, Summary } from './api.js' */
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
const showObjective = createObjectivePanel();
const showExposure = createExposureBar();
const modes = createModeControls((report) => {
  modeChanges++;
  show(report);
  following?.hear(report);
});
const showSites = createSiteTable();
const showFeatures = createFeatureTable();
const showChanges = createEventLog();
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
  showChanges([]);
  let isFollowed = true;
  let latestChange = '';
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
    frames = withFrame(frames, frameOf(at, report, meter.observe(at, exposition), frames.at(-1)));
    show(report);
    hear(report);
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
      showChanges(history.changes);
      if (hasPast) return;
      hasPast = true;
      const first = frames[0]?.at ?? Number.POSITIVE_INFINITY;
      frames = [...pastFrames(history, Date.now()).filter(({ at }) => at < first), ...frames];
    } catch {
      // The next report asks again.
      latestChange = '';
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
  following?.stop();
  modes.forget();
  document.title = `${model} – taustat`;
  following = follow(model);
}

/** The model that the address names. */
function addressed() {
  return new URLSearchParams(location.search).get('model');
}

/** @param {string} model */
function addressOf(model) {
  const address = new URL(location.href);
  address.searchParams.set('model', model);
  return address;
}

/** @param {unknown} error */
function lose(error) {
  const since = frames.at(-1)?.at;
  const last = since === undefined ? '' : `; last heard at ${clock(since)}`;
  const status = error instanceof RefusedError ? error.status : null;
  if (status === 404 && servesNothing) return;
  if (status === 401) {
    setLink('lost', `the server wants a token${last}`);
    modes.askForToken();
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

/**
 * Offers the models that answer, and the one that is followed even when it does not.
 *
 * @param {readonly string[]} models
 * @param {string} followed
 */
function offerModels(models, followed) {
  const names = models.includes(followed) ? models : [followed, ...models];
  const offered = [...modelChoice.options].map(({ value }) => value);
  if (offered.join('\n') !== names.join('\n')) {
    modelChoice.replaceChildren(...names.map((name) => html('option', { value: name }, name)));
    modelChoice.disabled = names.length === 1;
  }
  if (modelChoice.value !== followed) modelChoice.value = followed;
}

/** Looks which models there are, again and again. */
async function look() {
  let wait = MODELS_MS;
  try {
    const index = await readIndex();
    const models = readyModels(index);
    servesNothing = models.length === 0;
    showNothingServed(servesNothing ? index : null);
    if (servesNothing) {
      setLink('empty', 'no model is served');
      wait = RETRY_MS;
    } else if (following === null) {
      const model = addressed() ?? /** @type {string} */ (models[0]);
      history.replaceState(null, '', addressOf(model));
      go(model);
    }
    if (following !== null) offerModels(models, following.model);
  } catch (error) {
    if (following === null) {
      lose(error);
      wait = RETRY_MS;
    }
  }
  setTimeout(look, wait);
}

modelChoice.addEventListener('change', () => {
  history.pushState(null, '', addressOf(modelChoice.value));
  go(modelChoice.value);
});
addEventListener('popstate', () => {
  const model = addressed();
  if (model === null || model === following?.model) return;
  go(model);
  offerModels(
    [...modelChoice.options].map(({ value }) => value),
    model,
  );
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
