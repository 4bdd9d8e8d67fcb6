import type { DemoFrame } from './run.ts';
import type { DemoSummary } from './summary.ts';

const BARS = '▁▂▃▄▅▆▇█';
const WIDTH = 48;

/** Values as a line of bars, the latest right; scaled to the largest. */
export function sparkline(values: readonly number[], width = WIDTH): string {
  const shown = values.slice(-width);
  const max = Math.max(...shown, Number.MIN_VALUE);
  return shown
    .map((v) => BARS[Math.min(BARS.length - 1, Math.floor((v / max) * (BARS.length - 0.01)))])
    .join('');
}

/** Where frames are written to. */
export type Terminal = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & { write(text: string): unknown };

/** Shows frames as they come: redrawn in place on a terminal, a line now and then elsewhere. */
export class DemoView {
  readonly #out: Terminal;
  readonly #history = { sparsity: [] as number[], agreement: [] as number[], drift: [] as number[] };
  #drawn = 0;
  #lastLine = Number.NEGATIVE_INFINITY;
  #changesShown = 0;

  constructor(out: Terminal) {
    this.#out = out;
  }

  show(frame: DemoFrame): void {
    const { report } = frame;
    this.#history.sparsity.push(report.threshold > 0 ? (report.sparsity ?? 0) : 0);
    this.#history.agreement.push(report.agreement.ratio ?? 0);
    this.#history.drift.push(report.drift?.distance ?? 0);
    if (this.#out.isTTY) this.#redraw(frame);
    else this.#line(frame);
  }

  #redraw(frame: DemoFrame): void {
    const lines = this.#panel(frame);
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    this.#out.write(up + lines.map((line) => `\x1b[2K${line}\n`).join(''));
    this.#drawn = lines.length;
  }

  #panel(frame: DemoFrame): string[] {
    const { report, tally, changes } = frame;
    const { latency } = tally;
    const drift =
      report.drift === null
        ? 'no reference yet'
        : `${fixed(report.drift.distance, 3)} of ${fixed(report.drift.limit, 3)}`;
    const row = (name: string, value: string, history?: readonly number[]) =>
      `  ${name.padEnd(12)} ${value.padEnd(26)} ${history === undefined ? '' : sparkline(history)}`;
    const latest = changes
      .slice(-4)
      .map((c) => `  ${clock(c.at)}  τ ${fixed(c.from, 3)} → ${fixed(c.to, 3)}  ${c.detail}`);
    return [
      `taustat demo   ${clock(frame.at)} / ${clock(frame.seconds)}   ${frame.url}`,
      '',
      row('state', `${report.state}${frame.hasDrifted ? ' · at half the light' : ''}`),
      row('τ applied', `${fixed(report.threshold, 4)}${rampOf(report)}`),
      row('on trial', trialOf(report)),
      row('τ* critical', critical(frame)),
      row('sparsity', percent(report.threshold > 0 ? report.sparsity : 0), this.#history.sparsity),
      row(
        'agreement',
        `${percent(report.agreement.ratio)} of ${report.agreement.pairs}`,
        this.#history.agreement,
      ),
      row('drift', drift, this.#history.drift),
      row('latency p50', `dense ${ms(latency.denseP50)}  pruned ${ms(latency.prunedP50)}`),
      row('requests', `${tally.requests}, ${tally.non2xx} failed`),
      '',
      ...latest,
      ...new Array<string>(4 - latest.length).fill(''),
    ].map((line) => line.slice(0, Math.max(20, this.#out.columns ?? 120)));
  }

  #line(frame: DemoFrame): void {
    for (const change of frame.changes.slice(this.#changesShown)) {
      this.#out.write(
        `${clock(change.at)}  τ ${fixed(change.from, 4)} → ${fixed(change.to, 4)}: ${change.detail}\n`,
      );
      this.#changesShown++;
    }
    if (frame.at - this.#lastLine < 1) return;
    this.#lastLine = frame.at;
    const { report, tally } = frame;
    this.#out.write(
      `${clock(frame.at)}  ${report.state.padEnd(11)} τ ${fixed(report.threshold, 4)}  τ* ${critical(frame)}  ` +
        `sparsity ${percent(report.threshold > 0 ? report.sparsity : 0)}  agreement ${percent(report.agreement.ratio)}  ` +
        `drift ${report.drift === null ? '–' : fixed(report.drift.distance, 3)}  requests ${tally.requests}\n`,
    );
  }
}

/** What a person reads at the end. */
export function closingWords(s: DemoSummary): string {
  const found =
    s.criticalThreshold === null
      ? `The free energy showed no significant feature${s.sparsity > 0 ? '; candidates came from its curve alone.' : ': every answer was dense.'}`
      : `τ* = ${fixed(s.criticalThreshold, 4)} (${s.feature} of F, β* = ${fixed(s.criticalSparsity ?? 0, 3)}).`;
  const drift =
    s.drift.detectedAt === null
      ? `Half of the light went at ${clock(s.drift.injectedAt)}; no drift was called before the end.`
      : `Half of the light went at ${clock(s.drift.injectedAt)}; the drift was noticed ${fixed(s.drift.detectedAt - s.drift.injectedAt, 1)} s later.`;
  const agreement =
    s.agreement === null
      ? 'no pruned answer was compared'
      : `${percent(s.agreement)} of ${s.compared} compared answers agreed with the dense model`;
  return `
${found}
${drift}
${s.requests} requests, ${s.non2xx} failed; mean sparsity while pruning ${percent(s.sparsity)}; ${agreement}.
Latency p50 at the client: dense ${ms(s.latency.denseP50)}, pruned ${ms(s.latency.prunedP50)}. A gate zeroes activations; it does not by itself save time.
`;
}

/** What part of production is at a threshold that has not reached all of it. */
function rampOf({ production: { threshold, share } }: DemoFrame['report']): string {
  return share < 1 ? `, ${100 * share} % at ${fixed(threshold, 4)}` : '';
}

function trialOf({ phase }: DemoFrame['report']): string {
  const trial = phase.kind === 'trial' || phase.kind === 'tracking' ? phase.trial : null;
  if (trial === null) return '–';
  return `τ ${fixed(trial.threshold, 4)}, ${trial.observations} compared`;
}

function critical({ report }: DemoFrame): string {
  const c = report.critical;
  return c === null ? '–' : `${fixed(c.threshold, 4)} (${c.feature}, β* ${fixed(c.sparsity, 3)})`;
}

function fixed(value: number, digits: number): string {
  return value.toFixed(digits);
}

function percent(value: number | null): string {
  return value === null ? '–' : `${(100 * value).toFixed(1)} %`;
}

function ms(value: number | null): string {
  return value === null ? '–' : `${value.toFixed(2)} ms`;
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
