import { availableParallelism, cpus, platform, release } from 'node:os';
import { VERSION } from '../../config/version.ts';

/** What a figure depends on beside the code. */
export function environment(model: string | undefined) {
  return {
    taustat: VERSION,
    node: process.version,
    system: `${platform()} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    model: model ?? 'bundled',
    at: new Date().toISOString(),
  };
}
