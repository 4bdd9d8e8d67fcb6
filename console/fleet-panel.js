// @ts-check
import { putMode, RefusedError, readOverview } from './api.js';
import { byId, setText } from './elements.js';
import { share } from './exposure.js';
import { fleetRows, fleetText } from './fleet.js';
import { lossText, percent } from './format.js';
import { createTableView } from './table-view.js';

/** @import { IndexEntry } from './api.js' */
/** @import { FleetRow } from './fleet.js' */
/** @import { createTokenForm } from './token-form.js' */

/**
 * All models of the server, those that do not answer too.
 *
 * @param {ReturnType<typeof createTokenForm>} tokenForm
 * @param {() => void} onChanged - the mode of models was changed
 */
export function createFleetPanel(tokenForm, onChanged) {
  const card = byId('fleet', HTMLElement);
  const note = byId('fleet-note', HTMLElement);
  const offAll = byId('off-all', HTMLButtonElement);
  const confirmation = byId('off-confirm', HTMLElement);
  const question = byId('off-question', HTMLElement);
  const confirm = byId('off-yes', HTMLButtonElement);
  const answer = byId('off-answer', HTMLElement);
  /** @type {readonly FleetRow[]} */
  let rows = [];

  const showRows = createTableView(card, {
    table: 'models',
    fileName: () => 'taustat-models',
    decorate({ state, standing }, row) {
      row.dataset.state = state;
      row.dataset.standing = standing;
    },
    columns: /** @type {import('./table-view.js').Column<FleetRow>[]} */ ([
      { name: 'model', label: 'Model', value: (row) => row.model, href: (row) => modelAddress(row.model) },
      { name: 'state', label: 'State', value: (row) => row.state },
      {
        name: 'exposure',
        label: 'Exposure',
        title: 'Share of production at the candidate',
        value: (row) => row.exposure,
        text: (row) => (row.exposure === null ? percent(null) : share(row.exposure)),
      },
      {
        name: 'time_saved',
        label: 'Time saved',
        title: 'Share of the time of the plain model that pruning saves; negative: it costs time',
        value: (row) => row.saved,
        text: (row) => percent(row.saved).replace(/^-/, '−'),
      },
      {
        name: 'loss',
        label: 'Loss',
        title: 'Mean loss over all of production',
        value: (row) => row.loss,
        text: (row) => lossText(row.loss),
      },
      {
        name: 'allowed_loss',
        label: 'Allowed',
        title: 'Mean loss that the objective allows',
        value: (row) => row.allowed,
        text: (row) => lossText(row.allowed),
      },
      { name: 'note', label: 'Next, or why', value: (row) => row.note },
    ]),
  });

  function prunable() {
    return rows.filter(({ mode }) => mode !== null && mode !== 'off');
  }

  /** @param {boolean} isAsked */
  function askOff(isAsked) {
    confirmation.hidden = !isAsked;
    offAll.setAttribute('aria-expanded', String(isAsked));
    if (!isAsked) return;
    const count = prunable().length;
    setText(question, `Untouched dense answers, and no sampling, for ${modelsText(count)}?`);
    confirm.focus();
  }

  async function turnOff() {
    const models = prunable().map(({ model }) => model);
    askOff(false);
    offAll.focus();
    const outcomes = await Promise.allSettled(models.map((model) => putMode(model, { mode: 'off' })));
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    const [first] = refusals;
    const done = `Mode off for ${models.length - refusals.length} of ${modelsText(models.length)}.`;
    setText(answer, first === undefined ? done : `${done} ${refusalText(first)}`);
    answer.dataset.kind = first === undefined ? 'ok' : 'error';
    if (first instanceof RefusedError && first.status === 401) tokenForm.ask(() => void turnOff());
    else tokenForm.close();
    onChanged();
  }

  offAll.addEventListener('click', () => askOff(confirmation.hidden !== false));
  confirm.addEventListener('click', () => void turnOff());
  byId('off-no', HTMLButtonElement).addEventListener('click', () => {
    askOff(false);
    offAll.focus();
  });

  return {
    /**
     * Asks how every model is that answers, in one request.
     *
     * @param {readonly IndexEntry[]} index
     * @throws {RefusedError} when the server wants a token
     */
    async update(index) {
      rows = fleetRows(index, await readOverview());
      showRows(rows);
      setText(note, fleetText(rows));
      offAll.disabled = prunable().length === 0;
    },
    /** What was said and asked is out of place once the fleet is shown anew. */
    forget() {
      askOff(false);
      setText(answer, '');
    },
  };
}

/**
 * The address of a model on this page, wherever the page is mounted.
 *
 * @param {string} model
 */
export function modelAddress(model) {
  return `?${new URLSearchParams({ model })}`;
}

/** @param {number} count */
function modelsText(count) {
  return count === 1 ? '1 model' : `${count} models`;
}

/** @param {unknown} error */
function refusalText(error) {
  if (!(error instanceof RefusedError)) return 'The server does not answer.';
  const advice =
    error.status === 403 ? ' Give the server a token (control.token) to change it from elsewhere.' : '';
  return `${error.status}: ${error.message}.${advice}`;
}
