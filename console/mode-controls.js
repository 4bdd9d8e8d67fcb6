// @ts-check
import { putMode, RefusedError } from './api.js';
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
  /** @type {Report | null} */
  let report = null;

  /** @param {ModeRequest} request */
  async function ask(request) {
    if (report === null) return;
    say('', 'ok');
    const { model } = report;
    try {
      const after = await putMode(model, request);
      if (report?.model !== model) return;
      if (request.mode !== 'fixed') openFixed(false);
      tokenForm.close();
      if (after.warning === undefined) say(`Mode ${describe(request)}.`, 'ok');
      else say(`Mode ${describe(request)}: ${after.warning}.`, 'error');
      onChanged(after);
    } catch (error) {
      if (report?.model !== model) return;
      fail(error, request);
    }
  }

  /**
   * @param {unknown} error
   * @param {ModeRequest} request
   */
  function fail(error, request) {
    if (!(error instanceof RefusedError)) {
      say(`Mode ${describe(request)} was not set: the server does not answer.`, 'error');
      return;
    }
    const { status, message } = error;
    const advice = status === 401 || status === 403 ? ` ${ADVICE[status]}` : '';
    say(`${status}: ${message}.${advice}`, 'error');
    if (status === 401) tokenForm.ask(() => void ask(request));
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
      if (mode !== 'fixed') void ask({ mode });
      else if (fixedForm.hidden) offerThreshold(report === null ? 0 : suggestion(report));
      else openFixed(false);
    });
  }
  fixedForm.addEventListener('submit', (event) => {
    event.preventDefault();
    void ask({ mode: 'fixed', threshold: thresholdField.valueAsNumber });
  });

  return {
    /** @param {Report} latest */
    update(latest) {
      report = latest;
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

/** @param {ModeRequest} request */
function describe({ mode, threshold }) {
  return threshold === undefined ? mode : `${mode} at τ ${significant(threshold)}`;
}
