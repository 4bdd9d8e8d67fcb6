// @ts-check
import { goBack, putMode, RefusedError } from './api.js';
import { byId, setText } from './elements.js';
import { significant } from './format.js';

/** @import { Mode, ModeRequest, Report } from './api.js' */
/** @import { createTokenForm } from './token-form.js' */

/** What to do about an answer that refused the change. */
const ADVICE = {
  401: 'Enter the bearer token of the control API and try again.',
  403: 'Give the server a token (control.token) to change the mode from elsewhere.',
};

/**
 * The buttons that change the mode. The present mode is shown as pressed only when the server says so.
 *
 * @param {ReturnType<typeof createTokenForm>} tokenForm
 * @param {(report: Report) => void} onChanged - gets the report after a change
 */
export function createModeControls(tokenForm, onChanged) {
  const buttons = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll('button[data-mode]')]);
  const fixedForm = byId('fixed-form', HTMLFormElement);
  const thresholdField = byId('fixed-threshold', HTMLInputElement);
  const answer = byId('mode-answer', HTMLElement);
  const lastGood = byId('last-good', HTMLButtonElement);
  const lastGoodNote = byId('last-good-note', HTMLElement);
  /** @type {Report | null} */
  let report = null;

  /**
   * @param {(model: string) => Promise<Report>} change - answers with the report after it
   * @param {string} what - it does
   */
  async function ask(change, what) {
    if (report === null) return;
    say('', 'ok');
    const { model } = report;
    try {
      const after = await change(model);
      if (report?.model !== model) return;
      if (after.mode !== 'fixed') openFixed(false);
      tokenForm.close();
      if (after.warning === undefined) say(`${what}.`, 'ok');
      else say(`${what}: ${after.warning}.`, 'error');
      onChanged(after);
    } catch (error) {
      if (report?.model !== model) return;
      fail(error, change, what);
    }
  }

  /** @param {ModeRequest} request */
  function setMode(request) {
    void ask((model) => putMode(model, request), `Mode ${describe(request)}`);
  }

  /** @param {number} threshold */
  function back(threshold) {
    const what = `Back to τ ${significant(threshold)}: it stays there under the guard until another mode is set`;
    void ask((model) => goBack(model, threshold), what);
  }

  /**
   * @param {unknown} error
   * @param {(model: string) => Promise<Report>} change
   * @param {string} what
   */
  function fail(error, change, what) {
    if (!(error instanceof RefusedError)) {
      say(`${what}: the server does not answer.`, 'error');
      return;
    }
    const { status, message } = error;
    const advice = status === 401 || status === 403 ? ` ${ADVICE[status]}` : '';
    say(`${status}: ${message}.${advice}`, 'error');
    if (status === 401) tokenForm.ask(() => void ask(change, what));
  }

  /**
   * @param {string} text
   * @param {'ok' | 'error'} kind
   */
  function say(text, kind) {
    setText(answer, text);
    answer.dataset.kind = kind;
  }

  /** @param {boolean} isOpen */
  function openFixed(isOpen) {
    fixedForm.hidden = !isOpen;
    buttonOf('fixed')?.setAttribute('aria-expanded', String(isOpen));
  }

  /** @param {Mode} mode */
  function buttonOf(mode) {
    return buttons.find((button) => button.dataset.mode === mode);
  }

  /** @param {number} threshold */
  function offerThreshold(threshold) {
    openFixed(true);
    thresholdField.value = threshold === 0 ? '' : String(Number(threshold.toPrecision(4)));
    thresholdField.focus();
  }

  for (const button of buttons) {
    const mode = /** @type {Mode} */ (button.dataset.mode);
    button.addEventListener('click', () => {
      if (mode !== 'fixed') setMode({ mode });
      else if (fixedForm.hidden) offerThreshold(report === null ? 0 : suggestion(report));
      else openFixed(false);
    });
  }
  fixedForm.addEventListener('submit', (event) => {
    event.preventDefault();
    setMode({ mode: 'fixed', threshold: thresholdField.valueAsNumber });
  });

  lastGood.addEventListener('click', () => {
    const threshold = report?.lastGood.threshold ?? null;
    if (threshold !== null) back(threshold);
  });

  return {
    /** @param {Report} latest */
    update(latest) {
      report = latest;
      lastGood.disabled = latest.lastGood.threshold === null;
      setText(lastGoodNote, lastGoodText(latest));
      for (const button of buttons) {
        button.disabled = false;
        button.setAttribute('aria-pressed', String(button.dataset.mode === latest.mode));
      }
    },
    offerThreshold,
    /** Another model is shown: what was said and entered for the one before is out of place. */
    forget() {
      report = null;
      tokenForm.forget();
      openFixed(false);
      say('', 'ok');
      lastGood.disabled = true;
      setText(lastGoodNote, '');
      for (const button of buttons) {
        button.disabled = true;
        button.setAttribute('aria-pressed', 'false');
      }
    },
  };
}

/**
 * The threshold that is at hand: the applied one, the candidate, or the critical one; 0 when there is none.
 *
 * @param {Report} report
 */
function suggestion({ threshold, candidate, critical }) {
  return threshold || candidate || (critical?.threshold ?? 0);
}

/**
 * Where the button goes back to, or why there is nothing.
 *
 * @param {Report} report
 */
function lastGoodText({ lastGood: { threshold, reason } }) {
  return threshold === null
    ? `None: ${reason}.`
    : `τ ${significant(threshold)} was proven, and had all of production.`;
}

/** @param {ModeRequest} request */
function describe({ mode, threshold }) {
  return threshold === undefined ? mode : `${mode} at τ ${significant(threshold)}`;
}
