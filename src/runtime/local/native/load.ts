import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../../config/errors.ts';
import type { NativeAddon } from './addon.ts';

export type NativeLoad =
  | {
      readonly kind: 'loaded';
      readonly addon: NativeAddon;
      /** For `init`. */
      readonly libraryPath: string;
      readonly binaryPath: string;
    }
  | {
      readonly kind: 'unavailable';
      /** What is missing. */
      readonly reason: string;
      /** The command that helps. */
      readonly howTo: string;
    };

const require = createRequire(import.meta.url);

/** Where `npm run build` puts it; from sources (tests) the built one is used. */
const BINARY = fileURLToPath(
  new URL(
    `${import.meta.url.endsWith('.ts') ? '../../../../dist/' : '../../../'}native/taustat-${process.platform}-${process.arch}.node`,
    import.meta.url,
  ),
);
const BUILD = 'node native/build.mjs in the folder of taustat (needs a C++ compiler)';
const TRIAL_MS = 60_000;

let tried: NativeLoad | undefined;

/**
 * The addon, if this machine can run it. Import onnxruntime-node before `init`.
 *
 * A binary is tried in a process of its own first, so that one that does not fit the machine or the library takes nothing
 * down; the verdict is kept for the life of this thread. A thread that was told of a verdict passes `isTried`.
 */
export function loadNative({ isTried = false }: { readonly isTried?: boolean } = {}): NativeLoad {
  tried ??= attempt(isTried);
  return tried;
}

function attempt(isTried: boolean): NativeLoad {
  const unavailable = (reason: string): NativeLoad => ({ kind: 'unavailable', reason, howTo: BUILD });
  if (!existsSync(BINARY))
    return unavailable(`no kernels for ${process.platform}-${process.arch} were built`);
  const libraryPath = findLibrary();
  if (libraryPath === undefined) return unavailable('the library of onnxruntime-node was not found');
  if (!isTried) {
    const refusal = refusalOf(libraryPath);
    if (refusal !== undefined) return unavailable(`the kernels do not load here: ${refusal}`);
  }
  try {
    return { kind: 'loaded', addon: require(BINARY) as NativeAddon, libraryPath, binaryPath: BINARY };
  } catch (error) {
    return unavailable(`the kernels do not load here: ${messageOf(error)}`);
  }
}

/** Loads and starts it elsewhere. @returns why it cannot be used. */
function refusalOf(libraryPath: string): string | undefined {
  const script = `
    const [ort, binary, library] = process.argv.slice(1);
    require(ort);
    require(binary).init(library, 'auto');
    process.exit(0);
  `;
  const args = ['-e', script, require.resolve('onnxruntime-node'), BINARY, libraryPath];
  try {
    const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1', NODE_OPTIONS: '' };
    execFileSync(process.execPath, args, {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: TRIAL_MS,
      encoding: 'utf8',
    });
    return undefined;
  } catch (error) {
    const { stderr = '', signal } = error as { stderr?: string; signal?: string | null };
    const line = /^\w*Error: (.*)$/m.exec(stderr)?.[1];
    return line ?? (signal ? `it ended with ${signal}` : messageOf(error));
  }
}

/** The library beside onnxruntime-node's binding: in its own package, or in one per platform. */
function findLibrary(): string | undefined {
  const entry = require.resolve('onnxruntime-node');
  const root = entry.slice(0, entry.lastIndexOf('onnxruntime-node') + 'onnxruntime-node'.length);
  const name = process.platform === 'darwin' ? 'libonnxruntime.1.dylib' : 'libonnxruntime.so.1';
  const platform = join('bin', 'napi-v6', process.platform, process.arch, name);
  const candidates = [
    join(root, platform),
    join(dirname(root), '@onnxruntime', `node-${process.platform}-${process.arch}`, name),
  ];
  return candidates.find(existsSync);
}
