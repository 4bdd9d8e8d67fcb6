// @ts-check

/** @typedef {ReturnType<typeof import('../src/models/pruning-report.ts').pruningReport>} Report */
/** @typedef {ReturnType<typeof import('../src/models/pruning-report.ts').pruningSummary>} Summary */
/** @typedef {ReturnType<typeof import('../src/models/pruning-report.ts').pruningHistory>} History */
/** @typedef {ReturnType<typeof import('../src/models/pruning-report.ts').pruningOverview>} Overview */
/** @typedef {ReturnType<typeof import('../src/models/pruning-report.ts').pruningActivations>} Activations */
/** @typedef {History['changes'][number]} PastChange */
/** @typedef {{ readonly name: string, readonly version?: string, readonly state: string, readonly reason?: string }} IndexEntry */
/** @typedef {import('../src/config/modes.ts').Mode} Mode */
/** @typedef {{ readonly mode: Mode, readonly threshold?: number }} ModeRequest */

/** An answer that is not 2xx: what the server said about it. */
export class RefusedError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const TIMEOUT_MS = 5000;

/** What the server asks for, once somebody has entered it; it stays in the memory of this page. */
let token = '';

/** @param {string} entered - bearer token; empty for none */
export function useToken(entered) {
  token = entered;
}

/**
 * Every model of the repository, those that do not answer too.
 *
 * @returns {Promise<readonly IndexEntry[]>}
 */
export async function readIndex() {
  const answer = await ask('v2/repository/index', { method: 'POST', body: '{}' });
  return answer.json();
}

/**
 * Names of the models that answer.
 *
 * @param {readonly IndexEntry[]} index
 */
export function readyModels(index) {
  return [...new Set(index.filter(({ state }) => state === 'READY').map(({ name }) => name))];
}

/**
 * What happened to a model, oldest first, and the server's time.
 *
 * @param {string} model
 * @returns {Promise<History>}
 */
export async function readHistory(model) {
  const answer = await ask(`${pruningPath(model)}/history`);
  return answer.json();
}

/**
 * How every model is that answers.
 *
 * @returns {Promise<readonly Overview[]>}
 */
export async function readOverview() {
  const answer = await ask('v2/pruning');
  return (await answer.json()).models;
}

/**
 * @param {string} model
 * @returns {Promise<Report>}
 */
export async function readReport(model) {
  const answer = await ask(pruningPath(model));
  return answer.json();
}

/**
 * How activations are distributed.
 *
 * @param {string} model
 * @returns {Promise<Activations>}
 */
export async function readActivations(model) {
  const answer = await ask(`${pruningPath(model)}/activations`);
  return answer.json();
}

/** The Prometheus text of the whole server. */
export async function readMetrics() {
  const answer = await ask('metrics', { headers: { Accept: 'text/plain' } });
  return answer.text();
}

/**
 * Changes the mode, and answers with the report after it.
 *
 * @param {string} model
 * @param {ModeRequest} request
 * @returns {Promise<Report>}
 */
export async function putMode(model, request) {
  const answer = await ask(pruningPath(model), {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(request),
  });
  return answer.json();
}

/**
 * Goes back to the last good threshold, and answers with the report after that.
 *
 * @param {string} model
 * @param {number} to - the threshold that was shown
 * @returns {Promise<Report>}
 */
export async function goBack(model, to) {
  const answer = await ask(`${pruningPath(model)}/last-good`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ to }),
  });
  return answer.json();
}

/**
 * Follows the changes of a model's state for as long as the page wants, across server restarts. An event stream carries no
 * token: with one, what the page asks for every second has to do.
 *
 * @param {string} model
 * @param {(summary: Summary) => void} onSummary
 * @returns {() => void} ends it
 */
export function followChanges(model, onSummary) {
  if (token !== '') return () => undefined;
  /** @type {EventSource} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;
  function connect() {
    source = new EventSource(`${pruningPath(model)}/events`);
    source.addEventListener('pruning', (event) => onSummary(JSON.parse(event.data)));
    // A connection that broke is retried by the browser; one that was refused is not.
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(connect, 3000);
    });
  }
  connect();
  return () => {
    clearTimeout(retry);
    source.close();
  };
}

/** @param {string} model */
function pruningPath(model) {
  return `v2/models/${encodeURIComponent(model)}/pruning`;
}

/**
 * @param {string} path - relative to the page
 * @param {RequestInit} [options]
 */
async function ask(path, options = {}) {
  const answer = await fetch(path, {
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...options,
    headers: { ...options.headers, ...(token === '' ? {} : { Authorization: `Bearer ${token}` }) },
  });
  if (answer.ok) return answer;
  throw new RefusedError(answer.status, await errorOf(answer));
}

/** @param {Response} answer */
async function errorOf(answer) {
  const text = await answer.text();
  try {
    return String(JSON.parse(text).error);
  } catch {
    return text === '' ? answer.statusText : text;
  }
}
