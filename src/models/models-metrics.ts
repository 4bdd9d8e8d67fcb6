import type { Mode } from '../config/modes.ts';
import { VERSION } from '../config/version.ts';
import { exposeTogether, type Metrics, type MetricsOfProcess } from '../telemetry/metrics.ts';
import type { ModelRegistry } from './repository/registry.ts';
import type { Siblings } from './siblings.ts';

/** The text of `/metrics`, with every gauge read anew; of all processes of the server, if it has several. */
export async function exportMetrics(
  models: ModelRegistry,
  metrics: Metrics,
  accept: string | undefined,
  siblings: Siblings | undefined,
): Promise<{ readonly contentType: string; readonly body: string }> {
  if (siblings !== undefined) return exposeTogether(await siblings.metrics(), accept);
  await readGauges(models, metrics);
  return metrics.expose(accept);
}

/** The metrics of this process as data. */
export async function collectMetrics(models: ModelRegistry, metrics: Metrics): Promise<MetricsOfProcess> {
  await readGauges(models, metrics);
  return metrics.collect();
}

async function readGauges(models: ModelRegistry, metrics: Metrics): Promise<void> {
  metrics.resetGauges();
  metrics.buildInfo.set({ version: VERSION, node: process.version }, 1);
  for (const { name: model, isReady } of models.wanted) {
    metrics.modelReady.set({ model }, isReady ? 1 : 0);
    metrics.modelUnreadable.set({ model }, models.unreadable(model) === undefined ? 0 : 1);
  }
  const served = models.names().flatMap((name) => models.live(name).map((live) => live.served));
  for (const one of served) one.exportMetrics();
  await metrics.forgetDeparted(served.map(({ labels }) => labels));
}

/** The present mode of every model that answers. */
export function modesOf(models: ModelRegistry): Readonly<Record<string, Mode>> {
  const modes: Record<string, Mode> = {};
  for (const name of models.names()) {
    const served = models.find(name)?.served;
    if (served !== undefined) modes[name] = served.loop.state.mode;
  }
  return modes;
}
