import type { DemoFrame } from './run.ts';
import type { DemoSummary, ThresholdChange } from './summary.ts';

type Report = DemoFrame['report'];

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
  readonly #history = {
    loss: [] as number[],
    exposure: [] as number[],
    agreement: [] as number[],
    sparsity: [] as number[],
    speedup: [] as number[],
    drift: [] as number[],
  };
  #drawn = 0;
  #lastLine = Number.NEGATIVE_INFINITY;
  #changesShown = 0;

  constructor(out: Terminal) {
    this.#out = out;
  }

  show(frame: DemoFrame): void {
    const { report } = frame;
    this.#history.loss.push(report.loss.mean ?? 0);
    this.#history.exposure.push(report.exposure);
    this.#history.sparsity.push(report.sparsity ?? 0);
    this.#history.speedup.push((report.speedup?.ratio ?? 1) - 1);
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
      `  ${name.padEnd(12)} ${value.padEnd(38)} ${history === undefined ? '' : sparkline(history)}`;
    const latest = changes.slice(-4).map((change) => `  ${clock(change.at)}  ${changeText(change)}`);
    return [
      `taustat demo   ${clock(frame.at)} / ${clock(frame.seconds)}   ${frame.url}`,
      '',
      row('state', `${report.state}${frame.hasDrifted ? ' · at half the light' : ''}`),
      row('mean loss', lossOf(report), this.#history.loss),
      row('exposure', exposureText(report), this.#history.exposure),
      row(
        'same class',
        `${percent(report.agreement.ratio)} of ${report.agreement.pairs}`,
        this.#history.agreement,
      ),
      row('sparsity', sparsityOf(report), this.#history.sparsity),
      row('speed-up', speedupOf(report), this.#history.speedup),
      row('candidate', candidateOf(report)),
      row('τ* critical', critical(frame)),
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
      this.#out.write(`${clock(change.at)}  ${changeText(change)}\n`);
      this.#changesShown++;
    }
    if (frame.at - this.#lastLine < 1) return;
    this.#lastLine = frame.at;
    const { report, tally } = frame;
    this.#out.write(
      `${clock(frame.at)}  ${report.state.padEnd(11)} mean loss ${lossOf(report)}  exposure ${exposureText(report)}  ` +
        `same class ${percent(report.agreement.ratio)}  sparsity ${percent(report.sparsity)}  speed-up ${speedupOf(report)}  τ* ${critical(frame)}  ` +
        `drift ${report.drift === null ? '–' : fixed(report.drift.distance, 3)}  next ${candidateOf(report)}  requests ${tally.requests}\n`,
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
      : `Half of the light went at ${clock(s.drift.injectedAt)}; the drift was noticed ${fixed(s.drift.detectedAt - s.drift.injectedAt, 2)} s later.`;
  const agreement =
    s.agreement === null
      ? 'No pruned answer was compared'
      : `Same class as the dense model in ${percent(s.agreement)} of ${s.compared} compared answers`;
  return `
${objective(s)}
${agreement}.
${speedupText(s)}
${percent(s.exposure)} of production was pruned, over the whole time; sparsity of all of production ${percent(s.sparsity)}.
${found}
${drift}
${s.requests} requests, ${s.non2xx} failed. Latency p50 at the client, in the same seconds: dense ${ms(s.latency.denseP50)}, pruned ${ms(s.latency.prunedP50)}.
`;
}

/** What pruning gained, in time of the model's runs. */
function speedupText({ speedup: { ratio, low, high }, macsSkipped, exposure, final }: DemoSummary): string {
  if (exposure === 0) return `Nothing was pruned, the plain model served all: ${final.detail}.`;
  const figures = `× ${fixed(ratio, 2)} (${fixed(low, 2)} – ${fixed(high, 2)})`;
  return `Time of the plain model over time as served, when most was pruned: ${figures}; ${percent(macsSkipped)} of the work was left out.`;
}

function objective({ loss: { mean, allowed } }: DemoSummary): string {
  if (mean === null) return `Mean loss: no pruned answer was compared; ${loss(allowed)} are allowed.`;
  const verdict = mean > allowed ? 'BROKEN' : 'kept';
  return `Mean loss of production ${loss(mean)} of ${loss(allowed)} allowed: the objective is ${verdict}.`;
}

/** Of pruned answers, against what is allowed: broken once the interval says so. What is on trial in the shadow breaks nothing. */
function lossOf({ loss: { mean, lower, upper, allowed }, exposure, production }: Report): string {
  if (mean === null) return `–, ${loss(allowed)} allowed`;
  const pruned = production.rest > 0 ? 1 : exposure;
  const inProduction = pruned * mean > allowed ? ', too few to tell' : '';
  const verdict = pruned * (lower ?? 0) > allowed ? ' BROKEN' : inProduction;
  return `${loss(mean)} [${loss(lower)} – ${loss(upper)}] of ${loss(allowed)}${exposure === 0 ? ', in the shadow' : verdict}`;
}

function exposureText({ exposure, production: { threshold, rest } }: Report): string {
  if (exposure === 0) return '0 %, dense';
  const others = exposure === 1 ? '' : `, rest ${rest > 0 ? `at τ ${fixed(rest, 4)}` : 'dense'}`;
  return `${share(exposure)} at τ ${fixed(threshold, 4)}${others}`;
}

function speedupOf({ speedup, macsSkipped }: Report): string {
  if (speedup === null) return 'not measured';
  const { ratio, low, high } = speedup;
  return `× ${fixed(ratio, 2)} [${fixed(low, 2)} – ${fixed(high, 2)}], ${percent(macsSkipped)} left out`;
}

function sparsityOf({ sparsity, candidateSparsity, exposure }: Report): string {
  const candidate =
    exposure === 1 || candidateSparsity === null ? '' : `, candidate ${percent(candidateSparsity)}`;
  return `${percent(sparsity)}${candidate}`;
}

function changeText({ from, to, exposure, detail }: ThresholdChange): string {
  const what = from === to ? `τ ${fixed(to, 4)}` : `τ ${fixed(from, 4)} → ${fixed(to, 4)}`;
  return `${what}, exposure ${share(exposure)}: ${detail}`;
}

/** The candidate that production is not all at, or the one that is on trial beside it. */
function candidateOf({ phase, candidate, exposure, search }: Report): string {
  const trial = phase.kind === 'trial' || phase.kind === 'tracking' ? phase.trial : null;
  if (search !== null && search.stage !== 'resting') return searchText(search);
  if (trial !== null) return `τ ${fixed(trial.threshold, 4)}, ${trial.observations} compared`;
  return candidate === null || exposure === 1 ? '–' : `τ ${fixed(candidate, 4)}`;
}

/** What is tested, and how long that is likely to take. */
function searchText({ next }: NonNullable<Report['search']>): string {
  if (next === null) return 'a pilot picks candidates to test';
  const { threshold, inputs, secondsLeft } = next;
  const left = secondsLeft === null ? '' : `, about ${Math.ceil(secondsLeft)} s left`;
  return `τ ${fixed(threshold, 4)}, ${inputs} kept requests${left}`;
}

function critical({ report }: DemoFrame): string {
  const c = report.critical;
  return c === null ? '–' : `${fixed(c.threshold, 4)} (${c.feature}, β* ${fixed(c.sparsity, 3)})`;
}

/** 0.05 is '5 %'. */
function share(ratio: number): string {
  return `${Number((100 * ratio).toPrecision(3))} %`;
}

function fixed(value: number, digits: number): string {
  return value.toFixed(digits);
}

function loss(value: number): string {
  return String(Number(value.toFixed(4)));
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
