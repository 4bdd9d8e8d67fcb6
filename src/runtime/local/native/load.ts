import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { messageOf } from '../../../config/errors.ts';
import type { NativeAddon } from './addon.ts';

export type NativeLoad =
  | {
      readonly kind: 'loaded';
      readonly addon: NativeAddon;
      /** Argument of `NativeAddon.init`. */
      readonly libraryPath: string;
      readonly binaryPath: string;
    }
  | {
      readonly kind: 'unavailable';
      /** What is missing. */
      readonly reason: string;
      /** The command that fixes it. */
      readonly howTo: string;
    };

const require = createRequire(import.meta.url);

/** Output of `npm run build`; sources (tests) use it too. */
const BINARY = fileURLToPath(
  new URL(
    `${import.meta.url.endsWith('.ts') ? '../../../../dist/' : '../../../'}native/taustat-${process.platform}-${process.arch}.node`,
    import.meta.url,
  ),
);
const BUILD = 'node native/build.mjs in the folder of taustat (needs a C++ compiler)';
const TRIAL_MS = 60_000;

let loaded: NativeLoad | undefined;
let tried: Promise<NativeLoad> | undefined;

/**
 * The addon, if this machine can run it. Import onnxruntime-node before `init`.
 *
 * The binary is tried in a process of its own first: one that does not fit the machine or the library would crash this one.
 * The result is kept for the life of this thread.
 */
export function tryNative(): Promise<NativeLoad> {
  tried ??= trial();
  return tried;
}

async function trial(): Promise<NativeLoad> {
  const libraryPath = findLibrary();
  const refusal = existsSync(BINARY) && libraryPath !== undefined ? await refusalOf(libraryPath) : undefined;
  return refusal === undefined ? loadNative() : unavailable(`the kernels do not load here: ${refusal}`);
}

/** The addon, in a thread that knows that `tryNative` has succeeded. */
export function loadNative(): NativeLoad {
  loaded ??= load();
  return loaded;
}

function unavailable(reason: string): NativeLoad {
  return { kind: 'unavailable', reason, howTo: BUILD };
}

function load(): NativeLoad {
  if (!existsSync(BINARY))
    return unavailable(`no kernels for ${process.platform}-${process.arch} were built`);
  const libraryPath = findLibrary();
  if (libraryPath === undefined) return unavailable('the library of onnxruntime-node was not found');
  try {
    return { kind: 'loaded', addon: require(BINARY) as NativeAddon, libraryPath, binaryPath: BINARY };
  } catch (error) {
    return unavailable(`the kernels do not load here: ${messageOf(error)}`);
  }
}

/** Loads and starts the addon in another process. @returns why it cannot be used; undefined if it can. */
async function refusalOf(libraryPath: string): Promise<string | undefined> {
  const script = `
    const [ort, binary, library] = process.argv.slice(1);
    require(ort);
    require(binary).init(library, 'auto');
    process.exit(0);
  `;
  const args = ['-e', script, require.resolve('onnxruntime-node'), BINARY, libraryPath];
  try {
    const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1', NODE_OPTIONS: '' };
    await promisify(execFile)(process.execPath, args, { env, timeout: TRIAL_MS });
    return undefined;
  } catch (error) {
    const { stderr = '', signal } = error as { stderr?: string; signal?: string | null };
    const line = /^\w*Error: (.*)$/m.exec(stderr)?.[1];
    return line ?? (signal ? `it ended with ${signal}` : messageOf(error));
  }
}

/** Path of the ONNX Runtime library beside onnxruntime-node's binding: in its own package, or in one per platform. */
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
