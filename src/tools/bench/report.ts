import { table } from '../table.ts';
import type { Arm } from './arms.ts';
import type { Comparison } from './comparison.ts';
import type { Overhead, Way, WayFigures } from './overhead.ts';
import type { Overload, Phase } from './overload.ts';
import type { ProtocolComparison } from './protocols.ts';
import type { Soak } from './soak.ts';
import { type Spread, spread } from './spread.ts';
import { type ArmSummary, summarize } from './summary.ts';

const MEBIBYTE = 2 ** 20;

/** What clients saw, what the servers saw, and what must be said about the figures. */
export function comparisonText(comparison: Comparison, reference: Arm): string {
  const summaries = summarize(comparison.runs, reference);
  return [
    'At the client\n\n',
    clientTable(summaries, reference),
    '\nIn the server\n\n',
    serverTable(summaries),
    '\n',
    ...notes(comparison, summaries).map((note) => `${note}\n`),
  ].join('');
}

function clientTable(summaries: readonly ArmSummary[], reference: Arm): string {
  const head = ['batch', 'arm', 'requests/s', 'p50 ms', 'p90 ms', 'p99 ms'];
  const ratios = [`p50 / ${reference}`, `requests/s / ${reference}`];
  const rows = summaries.map((s) => [
    String(s.batch),
    s.arm,
    s.throughput.toFixed(0),
    ...[s.latency.p50, s.latency.p90, s.latency.p99].map((ms) => ms.toFixed(2)),
    s.arm === reference ? '1' : spreadText(s.ratio.latencyP50, 3),
    s.arm === reference ? '1' : spreadText(s.ratio.throughput, 3),
    String(s.non2xx),
    String(s.errors),
  ]);
  return table([...head, ...ratios, 'non-2xx', 'errors'], rows);
}

function serverTable(summaries: readonly ArmSummary[]): string {
  const head = [
    'batch',
    'arm',
    'model ms',
    'threshold',
    'exposure',
    'sparsity',
    'time saved',
    'loop lag p99 ms',
  ];
  const rows = summaries.map((s) => [
    String(s.batch),
    s.arm,
    s.inferMs.toFixed(3),
    s.threshold.toPrecision(3),
    s.exposure.high === 0 ? '–' : percentText(s.exposure),
    s.exposure.high === 0 || s.sparsity === null ? '–' : percent(s.sparsity),
    s.timeSavedRatio === null ? '–' : percentText(s.timeSavedRatio),
    `${s.loopLagP99Ms.median.toFixed(1)} (≤ ${s.loopLagP99Ms.high.toFixed(1)})`,
    `${mebibytes(s.rssBeforeBytes)} → ${mebibytes(s.rssAfterBytes)}`,
    String(s.shadow.ok),
    String(s.shadow.dropped),
    String(s.shadow.failed),
  ]);
  return table([...head, 'resident MiB', 'shadow ok', 'dropped', 'failed'], rows);
}

function notes({ settled }: Comparison, summaries: readonly ArmSummary[]): string[] {
  const unproven = settled
    .filter(({ isTracking }) => !isTracking)
    .map(({ batch, state, exposure, seconds }) => {
      const what =
        exposure > 0
          ? `had ${percent(exposure)} of production pruned: most of its answers are dense`
          : 'applied no threshold: its figures are those of dense answers';
      return `batch ${batch}: after ${seconds.toFixed(0)} s under load (state ${state}) auto ${what}.`;
    });
  const left = summaries
    .filter(({ arm, runs, trackingRuns }) => arm === 'auto' && trackingRuns > 0 && trackingRuns < runs)
    .map(
      ({ batch, runs, trackingRuns }) =>
        `batch ${batch}: auto pruned most answers in ${trackingRuns} of ${runs} runs only.`,
    );
  const slower = summaries.flatMap(({ batch, arm, exposure, sparsity, timeSavedRatio: saved }) => {
    if (arm !== 'auto' || saved === null || saved.median >= 0 || sparsity === null) return [];
    const lost = percentText({ median: -saved.median, low: -saved.high, high: -saved.low });
    const how = `${percent(exposure.median)} of its answers pruned, sparsity ${percent(sparsity)}`;
    return [`batch ${batch}: auto is ${lost} slower in the model than the dense one, with ${how}.`];
  });
  return [
    'Ratios: median of the rounds [smallest – largest of their runs]. Exposure: share of the answers that were pruned. Time saved: 1 − the ratio of the time in the model, of arms that pruned.',
    ...unproven,
    ...left,
    ...slower,
  ];
}

export function overheadText({ alone, inTurn }: Overhead): string {
  const cells = ({ p50Us, overheadUs }: WayFigures, way: Way) => [
    spreadText(spread(p50Us[way]), 0),
    way === 'worker' || way === 'echo' ? '–' : spreadText(overheadUs[way], 0),
  ];
  const row = (way: Way, label: string) => [label, ...cells(alone, way), ...cells(inTurn, way)];
  const head = ['batch 1, p50 µs', 'alone', 'over the worker', 'in turn', 'over the worker'];
  return [
    table(head, [
      row('worker', 'bare worker run'),
      row('echo', 'bare node:http, no model'),
      row('binary', 'HTTP, binary tensors'),
      row('json', 'HTTP, JSON'),
    ]),
    '\nAlone: each way again and again. In turn: the ways alternate request by request, so that none has the caches to itself.\n',
  ].join('');
}

export function protocolsText({ reference, summaries }: ProtocolComparison): string {
  const head = ['batch', 'protocol', 'requests/s', 'p50 ms', 'p90 ms', 'p99 ms'];
  const ratios = [`p50 / ${reference}`, `requests/s / ${reference}`];
  const rows = summaries.map(({ batch, protocol, throughput, latency, ratio }) => [
    String(batch),
    protocol,
    throughput.toFixed(0),
    ...[latency.p50, latency.p90, latency.p99].map((ms) => ms.toFixed(2)),
    protocol === reference ? '1' : spreadText(ratio.latencyP50, 3),
    protocol === reference ? '1' : spreadText(ratio.throughput, 3),
  ]);
  return `${table([...head, ...ratios], rows)}\nRatios: median of the rounds [smallest – largest of their runs].\n`;
}

export function overloadText({
  capacity,
  uncongested,
  overload,
  p99Ratio,
  p99RatioRange,
  after,
  recoverySeconds,
}: Overload): string {
  const head = [
    'phase',
    'offered/s',
    'sent/s',
    'answered/s',
    'p50 ms',
    'p99 ms',
    '503',
    '503 p99 ms',
    'failed',
    'hung',
  ];
  const row = (name: string, phase: Phase) => [
    name,
    ...[phase.offered, phase.sent, phase.goodput].map((rate) => rate.toFixed(0)),
    ...[phase.latency.p50, phase.latency.p99].map((ms) => ms.toFixed(2)),
    percent(phase.refused / (phase.accepted + phase.refused)),
    phase.refused === 0 ? '–' : phase.refusedLatency.p99.toFixed(2),
    String(phase.failed),
    String(phase.hung),
  ];
  const recovery = recoverySeconds === null ? 'not in time' : `after ${recoverySeconds.toFixed(2)} s`;
  return [
    `capacity in closed loop: ${capacity.toFixed(0)} requests/s\n`,
    table(head, [row('uncongested', uncongested), row('overload', overload), row('after', after)]),
    `\naccepted p99 under overload / uncongested p99: ${spreadText({ median: p99Ratio, ...p99RatioRange }, 2)}, by parts of the overload`,
    `recovered: ${recovery}`,
    '',
  ].join('\n');
}

export function soakText({ load, rss, slopeBytesPer1000Requests, state }: Soak): string {
  const [first, last] = [rss[0]?.y ?? Number.NaN, rss.at(-1)?.y ?? Number.NaN];
  return [
    `${load.requests} requests in ${load.seconds.toFixed(1)} s, ${load.non2xx} non-2xx, ${load.errors} errors, state ${state} at the end`,
    `resident memory ${mebibytes(first)} → ${mebibytes(last)} MiB`,
    `slope over the second half: ${slopeBytesPer1000Requests.toFixed(0)} bytes per 1,000 requests`,
    '',
  ].join('\n');
}

function spreadText({ median, low, high }: Spread, digits: number): string {
  return `${median.toFixed(digits)} [${low.toFixed(digits)} – ${high.toFixed(digits)}]`;
}

function percentText({ median, low, high }: Spread): string {
  return `${percent(median)} [${percent(low)} – ${percent(high)}]`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function mebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(0);
}
