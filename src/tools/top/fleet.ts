import { messageOf } from '../../config/errors.ts';
import type { pruningOverview } from '../../models/pruning-report.ts';

type Overview = ReturnType<typeof pruningOverview>;

/** One model of one server, as its control API tells. Shares are 0–1. */
export interface ModelRow {
  readonly server: string;
  readonly model: string;
  /** Why the model does not answer; null: it does. */
  readonly unavailable: string | null;
  readonly state: string | null;
  /** The threshold of most of production, and its share of the answers. */
  readonly threshold: number | null;
  readonly exposure: number | null;
  /** Share of activations that the gates zero, over all of production. */
  readonly sparsity: number | null;
  readonly speedup: { readonly ratio: number; readonly low: number; readonly high: number } | null;
  /** Mean loss of compared answers, and what the objective allows. */
  readonly loss: number | null;
  readonly allowedLoss: number | null;
  /** Successful requests since the model was loaded, and per second since the look before; null at the first. */
  readonly requests: number | null;
  readonly requestsPerSecond: number | null;
  /** Why production is answered as it is, and what is tested next. */
  readonly note: string;
}

export interface FleetOptions {
  /** Where servers listen, such as http://127.0.0.1:8080. */
  readonly urls: readonly string[];
  readonly token?: string | undefined;
  /** Longest wait for an answer in milliseconds. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5000;

/** What a look at a fleet has found. */
export interface FleetLook {
  readonly models: readonly ModelRow[];
  /** Servers that did not answer, and why. */
  readonly silent: readonly { readonly server: string; readonly reason: string }[];
}

/** Looks at all models of some servers, again and again. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #counted = new Map<string, { readonly requests: number; readonly atMs: number }>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Asks every server at the same time. Never throws. */
  async look(): Promise<FleetLook> {
    const looks = await Promise.all(this.#options.urls.map((url) => this.#lookAt(url)));
    return { models: looks.flatMap(({ models }) => models), silent: looks.flatMap(({ silent }) => silent) };
  }

  async #lookAt(server: string): Promise<FleetLook> {
    try {
      const [index, { models }, { model_stats }] = await Promise.all([
        this.#ask(server, '/v2/repository/index', 'POST') as Promise<IndexEntry[]>,
        this.#ask(server, '/v2/pruning') as Promise<{ models: Overview[] }>,
        this.#ask(server, '/v2/models/stats') as Promise<Statistics>,
      ]);
      const answering = new Map(models.map((one) => [one.model, one]));
      const rows = [...grouped(index)].map(([model, versions]) => {
        const known = answering.get(model);
        if (known === undefined)
          return { ...NOTHING, server, model, unavailable: versions[0]?.reason || 'not loaded' };
        const stats = model_stats.filter(({ name }) => name === model);
        return { ...this.#counts(server, model, stats), ...rowOf(known), server, model, unavailable: null };
      });
      return { models: rows, silent: [] };
    } catch (error) {
      return { models: [], silent: [{ server, reason: messageOf(error) }] };
    }
  }

  #counts(server: string, model: string, model_stats: Statistics['model_stats']) {
    const requests = model_stats.reduce((sum, { inference_stats }) => sum + inference_stats.success.count, 0);
    const key = `${server} ${model}`;
    const before = this.#counted.get(key);
    const atMs = performance.now();
    this.#counted.set(key, { requests, atMs });
    const isGoingOn = before !== undefined && requests >= before.requests;
    const perSecond = isGoingOn ? ((requests - before.requests) * 1000) / (atMs - before.atMs) : null;
    return { requests, requestsPerSecond: perSecond };
  }

  async #ask(server: string, path: string, method = 'GET'): Promise<unknown> {
    const { token, timeoutMs = TIMEOUT_MS } = this.#options;
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const url = `${server.replace(/\/+$/, '')}${path}`;
    const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) }).catch(
      (error: Error) => {
        throw new Error(messageOf(error.cause ?? error));
      },
    );
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answers ${response.status}: ${reasonIn(text)}`);
    return JSON.parse(text);
  }
}

interface IndexEntry {
  readonly name: string;
  readonly state?: string;
  readonly reason?: string;
}

interface Statistics {
  readonly model_stats: readonly {
    readonly name: string;
    readonly inference_stats: { readonly success: { readonly count: number } };
  }[];
}

const NOTHING = {
  state: null,
  threshold: null,
  exposure: null,
  sparsity: null,
  speedup: null,
  loss: null,
  allowedLoss: null,
  requests: null,
  requestsPerSecond: null,
  note: '',
} as const;

function rowOf(report: Overview) {
  return {
    state: report.state,
    threshold: report.threshold,
    exposure: report.exposure,
    sparsity: report.sparsity,
    speedup: report.speedup,
    loss: report.loss.mean,
    allowedLoss: report.loss.allowed,
    note: noteOf(report),
  };
}

function noteOf({ search, change }: Overview): string {
  const next = search?.next;
  if (search?.stage === 'pilot') return 'a pilot picks candidates to test';
  if (search?.stage !== 'testing' || !next) return change.detail;
  const left = next.secondsLeft === null ? '' : `, about ${Math.ceil(next.secondsLeft)} s left`;
  return `tests τ ${next.threshold.toFixed(4)}: ${next.inputs} kept requests${left}`;
}

function grouped(index: readonly IndexEntry[]): Map<string, IndexEntry[]> {
  const byName = new Map<string, IndexEntry[]>();
  for (const entry of index) byName.set(entry.name, [...(byName.get(entry.name) ?? []), entry]);
  return byName;
}

/** The reason in a body of the protocol, else the beginning of the body. */
function reasonIn(text: string): string {
  try {
    return String((JSON.parse(text) as { readonly error?: unknown }).error);
  } catch {
    return text.slice(0, 200);
  }
}
