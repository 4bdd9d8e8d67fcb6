import { pino } from 'pino';
import { pairwise } from 'rxjs';
import { compose } from '../../compose.ts';
import { bundledModel } from '../../config/bundled-model.ts';
import { type Config, parseConfig } from '../../config/schema.ts';
import { exposureOf } from '../../control/phases/production.ts';
import type { pruningReport } from '../../models/pruning-report.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { listen } from '../../transport/http/server.ts';
import { inputRows } from '../inputs/input-rows.ts';
import { readNpy } from '../inputs/npy.ts';
import { BinaryClient } from './client.ts';
import { dimmed } from './drift.ts';
import { type DemoSummary, ProductionTally, type ThresholdChange, TrafficTally } from './summary.ts';

export type PruningReport = ReturnType<typeof pruningReport>;

/** One moment of the demo, for whoever shows it. */
export interface DemoFrame {
  readonly at: number;
  readonly seconds: number;
  readonly url: string;
  readonly report: PruningReport;
  readonly tally: TrafficTally;
  /** Every change of the threshold or of its exposure. */
  readonly changes: readonly ThresholdChange[];
  readonly hasDrifted: boolean;
}

export interface DemoOptions {
  readonly seconds: number;
  readonly port: number;
  readonly onFrame: (frame: DemoFrame) => void;
  /** Ends the demo early; the summary is of what was seen. */
  readonly signal: AbortSignal;
}

const CONNECTIONS = 2;
const FRAME_MS = 250;
/** Every so many requests ask for the dense answer, to compare latencies in the same seconds. */
const DENSE_EVERY = 4;
/** A pause between two requests of a connection: the demo shows a loop, not a load test. */
const PACE_MS = 5;

/**
 * Allows a mean loss of .02 instead of .01, which is proven in half of the requests, uses all idle time for the search, and looks at
 * more of the traffic, to notice the drift at once: a minute has no more. All else is as a server has it by default.
 */
function demoConfig(port: number): Config {
  return parseConfig({
    server: { port },
    sampling: { budget: 0.1, searchBudget: 1 },
    agreement: { floor: 0.98 },
    telemetry: { logLevel: 'silent' },
  });
}

/** Serves the bundled model, replays its held-out images over HTTP, lets the light go midway, and reports. */
export async function runDemo(options: DemoOptions): Promise<DemoSummary> {
  const taustat = await compose(demoConfig(options.port), pino({ level: 'silent' }));
  const server = await listen(taustat.routes, { host: '127.0.0.1', port: options.port }).catch(
    async (error: unknown) => {
      await taustat.close();
      throw error;
    },
  );
  const started = performance.now();
  const now = () => (performance.now() - started) / 1000;
  const changes: ThresholdChange[] = [];
  const injectedAt = options.seconds / 2;
  let detectedAt: number | null = null;
  const subscription = taustat.state$.pipe(pairwise()).subscribe(([before, after]) => {
    const { reason, detail } = after.change;
    if (before.change === after.change) return;
    if (now() >= injectedAt && (reason === 'drift' || reason === 'disagreement')) detectedAt ??= now();
    const from = exposureOf(before);
    const to = exposureOf(after);
    if (from.threshold !== to.threshold || from.exposure !== to.exposure)
      changes.push({
        at: now(),
        from: from.threshold,
        to: to.threshold,
        exposure: to.exposure,
        reason,
        detail,
      });
  });

  const client = new BinaryClient(server.url, taustat.model, CONNECTIONS);
  const tally = new TrafficTally();
  const production = new ProductionTally();
  const rows = await bundledRows(server.url, taustat.model);
  const isOver = () => now() >= options.seconds || options.signal.aborted;

  async function replay(connection: number): Promise<void> {
    for (let i = connection; !isOver(); i += CONNECTIONS) {
      const [image] = rows.batch(i % rows.count, (i % rows.count) + 1);
      const input = now() < injectedAt ? image! : dimmed(image!);
      const isDense = i % DENSE_EVERY === 0;
      const answer = await client.infer(`demo-${i}`, [input], isDense ? 'off' : 'on');
      tally.add(answer, now(), isDense);
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
  }

  async function watch(): Promise<PruningReport> {
    for (;;) {
      const report = await fetchReport(server.url, taustat.model);
      production.add(report);
      const hasDrifted = now() >= injectedAt;
      options.onFrame({
        at: now(),
        seconds: options.seconds,
        url: server.url,
        report,
        tally,
        changes,
        hasDrifted,
      });
      if (isOver()) return report;
      await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
    }
  }

  try {
    const traffic = Array.from({ length: CONNECTIONS }, (_, i) => replay(i));
    const [report] = await Promise.all([watch(), ...traffic]);
    const { agreed, compared } = await comparedAnswers(taustat.metrics);
    const { loss, exposure, sparsity } = production.figures;
    return {
      model: taustat.model,
      seconds: now(),
      requests: tally.requests,
      non2xx: tally.non2xx,
      criticalThreshold: report.critical?.threshold ?? null,
      criticalSparsity: report.critical?.sparsity ?? null,
      feature: report.critical?.feature ?? 'none',
      loss: { mean: loss, allowed: report.loss.allowed },
      exposure,
      sparsity,
      agreement: compared === 0 ? null : agreed / compared,
      compared,
      drift: { injectedAt, detectedAt },
      thresholdChanges: changes.filter(({ from, to }) => from !== to),
      latency: tally.latency,
      ...production.gain,
      final: {
        state: report.state,
        threshold: report.threshold,
        exposure: report.exposure,
        detail: report.change.detail,
      },
    };
  } finally {
    subscription.unsubscribe();
    client.close();
    await server.stop(1000);
    await taustat.close();
  }
}

async function bundledRows(url: string, model: string) {
  const response = await fetch(new URL(`/v2/models/${model}`, url));
  const { inputs } = (await response.json()) as { inputs: TensorSpec[] };
  return inputRows(inputs, new Map([[inputs[0]!.name, await readNpy(bundledModel('inputs.npy'))]]));
}

async function fetchReport(url: string, model: string): Promise<PruningReport> {
  const response = await fetch(new URL(`/v2/models/${model}/pruning`, url));
  return (await response.json()) as PruningReport;
}

async function comparedAnswers(
  metrics: () => Promise<{ body: string }>,
): Promise<{ agreed: number; compared: number }> {
  const { body } = await metrics();
  const count = (outcome: string) =>
    Number(
      new RegExp(`^taustat_compared_answers_total\\{.*outcome="${outcome}".*\\} (\\S+)$`, 'm').exec(
        body,
      )?.[1] ?? 0,
    );
  const agreed = count('agreed');
  return { agreed, compared: agreed + count('disagreed') };
}
