import type { Mode } from '../config/modes.ts';
import { VERSION } from '../config/version.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ModelRegistry } from './repository/registry.ts';

/** The text of `/metrics`, with every gauge read anew. */
export async function exportMetrics(
  models: ModelRegistry,
  metrics: Metrics,
  accept: string | undefined,
): Promise<{ readonly contentType: string; readonly body: string }> {
  metrics.resetGauges();
  metrics.buildInfo.set({ version: VERSION, node: process.version }, 1);
  for (const { name: model, isReady } of models.wanted) {
    metrics.modelReady.set({ model }, isReady ? 1 : 0);
    metrics.modelUnreadable.set({ model }, models.unreadable(model) === undefined ? 0 : 1);
  }
  for (const name of models.names()) models.find(name)?.served.exportMetrics();
  return metrics.expose(accept);
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
