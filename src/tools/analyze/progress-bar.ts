import type { Progress } from './options.ts';

const WIDTH = 32;
const REDRAW_MS = 80;
const LABELS = {
  dense: 'dense run',
  critical: 'pruned at τ*',
  objective: 'loss by threshold',
  full: 'full evaluation',
} as const;

/** Shows how far an analysis has come: a bar on a terminal, nothing elsewhere. */
export class ProgressBar {
  readonly #out: NodeJS.WriteStream;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show({ step, done, total }: Progress): void {
    if (!this.#out.isTTY) return;
    const now = performance.now();
    if (now - this.#drawnAt < REDRAW_MS && done < total) return;
    this.#drawnAt = now;
    const filled = Math.round((WIDTH * done) / total);
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    this.#out.write(`\r\x1b[2K${LABELS[step].padEnd(18)}${bar} ${Math.floor((100 * done) / total)} %`);
  }

  /** Takes the bar away again. */
  clear(): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[2K');
  }
}
