import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ServingError } from '../../config/errors.ts';

/** Where the compiled program is; from sources (tests) the built one is used. */
const DIST = new URL(import.meta.url.endsWith('.ts') ? '../../../dist/' : '../../', import.meta.url);
const STOP_MS = 5000;
const KEPT_STDERR = 4000;

/** A `taustat` server in a process of its own, reached over HTTP like any other. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly url: string;
  /** Name of the model in URLs and metrics. */
  readonly model: string;
  /** Host and port of its gRPC; undefined where it listens to none. */
  readonly grpc: string | undefined;

  private constructor(child: ChildProcess, exited: Promise<void>, { url, model, grpc }: Announcement) {
    this.#child = child;
    this.#exited = exited;
    this.url = url;
    this.model = model;
    this.grpc = grpc;
  }

  /**
   * @param serveArguments - arguments of the command line, `serve` first.
   * @throws ServingError UNAVAILABLE with what the server said when it stopped before it served.
   */
  static async start(serveArguments: readonly string[], signal: AbortSignal): Promise<ServerProcess> {
    const lifeline = new URL('tools/bench/lifeline.js', DIST).href;
    const program = fileURLToPath(new URL('cli.js', DIST));
    const child = spawn(process.execPath, ['--import', lifeline, program, ...serveArguments], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
    let complaint = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-KEPT_STDERR);
    });
    const abort = () => child.kill('SIGTERM');
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      return new ServerProcess(child, exited, await announcement(child, () => complaint));
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** @throws ServingError UNAVAILABLE */
  checkAlive(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    throw new ServingError('UNAVAILABLE', `the server at ${this.url} stopped while it was under load`);
  }

  /** Asks it to drain, and ends it when that takes too long. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const cut = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#exited;
    clearTimeout(cut);
  }
}

interface Announcement {
  readonly url: string;
  readonly model: string;
  readonly grpc?: string;
}

/** Reads the log until the server says where it serves; later lines are read and dropped, so that the pipe never fills. */
function announcement(child: ChildProcess, complaint: () => string): Promise<Announcement> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const found = announcementIn(line);
      if (found !== undefined) resolve(found);
    });
    child.once('error', (error) => reject(notStarted(error.message)));
    child.once('close', () => reject(notStarted(complaint().trim() || 'it stopped without a word')));
  });
}

/** The address in a line of the server's log; undefined in any other line. */
export function announcementIn(line: string): Announcement | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { msg, url, model, grpc } = JSON.parse(line) as Record<string, unknown>;
    const isServing = msg === 'serving' && typeof url === 'string' && typeof model === 'string';
    return isServing ? { url, model, ...(typeof grpc === 'string' ? { grpc } : {}) } : undefined;
  } catch {
    return undefined;
  }
}

function notStarted(reason: string): ServingError {
  return new ServingError('UNAVAILABLE', `a server under test did not start: ${reason}`);
}
