import { table } from '../table.ts';
import type { FleetLook, ModelRow } from './fleet.ts';

/** A look at the fleet as a table, one model a line. @param isOfMany - servers are told apart. */
export function fleetTable({ models, silent }: FleetLook, isOfMany: boolean): string {
  const head = [
    ...(isOfMany ? ['server'] : []),
    ...['model', 'state', 'pruned', 'τ', 'β', 'time', 'loss', 'allowed', 'requests/s', ''],
  ];
  const rows = models.map((row) => [...(isOfMany ? [row.server] : []), row.model, ...cells(row)]);
  const none = models.length === 0 && silent.length === 0 ? 'no models\n' : '';
  const lines = silent.map(({ server, reason }) => `${server} does not answer: ${reason}\n`);
  return (models.length === 0 ? '' : table(head, rows)) + none + lines.join('');
}

function cells(row: ModelRow): readonly string[] {
  if (row.unavailable !== null) return ['unavailable', ...new Array<string>(7).fill('–'), row.unavailable];
  const { speedup } = row;
  return [
    row.state ?? '–',
    percent(row.exposure),
    row.threshold === null || row.threshold === 0 ? 'dense' : row.threshold.toFixed(4),
    percent(row.sparsity),
    speedup === null ? '–' : `× ${speedup.ratio.toFixed(2)}`,
    row.loss === null ? '–' : row.loss.toFixed(4),
    row.allowedLoss === null ? '–' : String(Number(row.allowedLoss.toFixed(4))),
    row.requestsPerSecond === null ? '–' : String(Number(row.requestsPerSecond.toPrecision(3))),
    row.note,
  ];
}

function percent(ratio: number | null): string {
  return ratio === null ? '–' : `${(100 * ratio).toFixed(1)} %`;
}

const ALTERNATE_SCREEN = '\x1b[?1049h\x1b[?25l';
const MAIN_SCREEN = '\x1b[?25h\x1b[?1049l';

/** Where frames are written to. */
export type Screen = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'> & {
  write(text: string): unknown;
};

/** Draws frame over frame: on a terminal in a screen of its own, elsewhere one below the other. */
export class TopView {
  readonly #out: Screen;
  #isOpen = false;

  constructor(out: Screen) {
    this.#out = out;
  }

  show(text: string): void {
    if (!this.#out.isTTY) {
      this.#out.write(`${text}\n`);
      return;
    }
    if (!this.#isOpen) this.#out.write(ALTERNATE_SCREEN);
    this.#isOpen = true;
    const { columns = 120, rows = 40 } = this.#out;
    const lines = text.split('\n').slice(0, rows - 1);
    this.#out.write(`\x1b[H${lines.map((line) => `${line.slice(0, columns)}\x1b[K\n`).join('')}\x1b[J`);
  }

  close(): void {
    if (this.#isOpen) this.#out.write(MAIN_SCREEN);
    this.#isOpen = false;
  }
}
