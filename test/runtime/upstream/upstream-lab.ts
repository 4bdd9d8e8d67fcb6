/** A taustat that serves a plain model and the instrumented one beside it, for another in front of it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { compose } from '../../../src/compose.ts';
import { parseConfig } from '../../../src/config/schema.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { upstreamExport } from '../../../src/tools/export/upstream-export.ts';
import { listen } from '../../../src/transport/http/server.ts';

export const PLAIN = 'm';
export const INSTRUMENTED = 'm_taustat';

export interface UpstreamLab {
  /** Addresses of one server. */
  readonly http: string;
  readonly grpc: string;
  readonly taustat: Taustat;
  readonly close: () => Promise<void>;
}

/** @param files - paths in a model repository. */
export async function openRepository(files: Readonly<Record<string, Uint8Array>>): Promise<UpstreamLab> {
  const folder = await mkdtemp(join(tmpdir(), 'taustat-upstream-'));
  for (const [file, bytes] of Object.entries(files)) {
    await mkdir(join(folder, dirname(file)), { recursive: true });
    await writeFile(join(folder, file), bytes);
  }
  const config = parseConfig({
    model: { repository: folder },
    runtime: { workers: 1 },
    control: { mode: 'off' },
  });
  const taustat = await compose(config, pino({ level: 'silent' }));
  const { answerDirectly } = taustat;
  const server = await listen(taustat.routes, { host: '127.0.0.1', port: 0, answerDirectly });
  const grpc = await taustat.listenGrpc({ host: '127.0.0.1', port: 0 });
  return {
    http: server.url,
    grpc: `grpc://${grpc.address}`,
    taustat,
    close: async () => {
      await Promise.all([server.stop(0), grpc.stop(0)]);
      await taustat.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A plain model, and the instrumented one where it has a site. */
export function openPair(plain: Uint8Array): Promise<UpstreamLab> {
  const { bytes, sites } = upstreamExport(plain, { scheme: 'activations' });
  return openRepository({
    [`${PLAIN}/1/model.onnx`]: plain,
    ...(sites.length === 0 ? {} : { [`${INSTRUMENTED}/1/model.onnx`]: bytes }),
  });
}
