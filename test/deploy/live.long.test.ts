// Every query of the dashboard and of the rules, evaluated by a real Prometheus that scrapes real servers under load, each in a
// state of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OTHER_QUERIES } from '../../dashboards/dashboard.mjs';
import { ROWS } from '../../dashboards/rows.mjs';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { readNpy } from '../../src/tools/inputs/npy.ts';
import { type Running, start } from '../cli/command.ts';
import { freePort } from '../free-port.ts';
import { SMALL_GATED_ENV, SMALL_NAME, smallCnn } from '../small-cnn.ts';
import { until } from '../transport/http/until.ts';
import { rules } from './files.ts';
import { namesIn } from './promql.ts';

const RULES = fileURLToPath(new URL('../../deploy/prometheus/rules.yml', import.meta.url));
const PIXELS = 784;

/** Traffic: what becomes of the pixels of real images, 0–255. */
const REAL = (x: number): number => x;
/** Other activations, and answers that agree as before. */
const BRIGHT = (x: number): number => 1.8 * x;
/** Nothing that a threshold for images is good for. */
const NOISE = (): number => 76 * Math.random();

/** What `GET …/pruning` says, as far as states are known by it. */
interface Report {
  readonly state: string;
  readonly exposure: number;
  readonly threshold: number;
}

/** A server with its own traffic: images, real or not. */
class Scene {
  readonly #running: Running;
  #url = '';
  #pixel: (x: number) => number = REAL;
  #pauseMs = 10;
  #isOver = false;
  #traffic: Promise<unknown> = Promise.resolve();

  constructor(env: Record<string, string>) {
    this.#running = start('dist/cli.js', ['serve', '--port', '0', '--sampling', '1'], {
      ...SMALL_GATED_ENV,
      TAUSTAT_SAMPLING_BUDGET: '1',
      TAUSTAT_AGREEMENT_FLOOR: '0.9',
      TAUSTAT_WINDOW_MIN_SAMPLES: '48',
      TAUSTAT_BATCHING_MAX_BATCH: '8',
      TAUSTAT_STORE_ENABLED: 'true',
      ...env,
    });
  }

  get instance(): string {
    return new URL(this.#url).host;
  }

  get log(): string {
    return this.#running.stdout();
  }

  async open(): Promise<void> {
    this.#url = await this.#running.saying(/"url":"([^"]+)"/);
  }

  begin(images: Float32Array): void {
    this.#traffic = Promise.all([0, 1].map((client) => this.#ask(images, client)));
  }

  /** Changes the traffic. */
  sends(pixel: (x: number) => number, pauseMs: number): void {
    this.#pixel = pixel;
    this.#pauseMs = pauseMs;
  }

  slowDown(pauseMs: number): void {
    this.#pauseMs = pauseMs;
  }

  async report(): Promise<Report> {
    return (await fetch(`${this.#url}/v2/models/${SMALL_NAME}/pruning`)).json() as Promise<Report>;
  }

  until(isReached: (report: Report) => boolean): Promise<void> {
    return until(async () => isReached(await this.report()));
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#traffic;
    this.#running.child.kill('SIGTERM');
    await this.#running.outcome;
  }

  async #ask(images: Float32Array, client: number): Promise<void> {
    const count = images.length / PIXELS;
    for (let i = client; !this.#isOver; i += 2) {
      const from = (i % count) * PIXELS;
      const data = Array.from(images.subarray(from, from + PIXELS), this.#pixel);
      const inputs = [{ name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32', data }];
      const url = `${this.#url}/v2/models/${SMALL_NAME}/infer`;
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ inputs }) });
      await answer.arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
    }
  }
}

/** A Prometheus that scrapes every second, with the rules. */
class Prometheus {
  readonly #folder = mkdtempSync(join(tmpdir(), 'taustat-prometheus-'));
  #child: ChildProcess | undefined;
  #url = '';
  #openedAt = 0;

  async open(instances: readonly string[]): Promise<void> {
    const port = await freePort();
    this.#url = `http://127.0.0.1:${port}`;
    this.#openedAt = Date.now() / 1000;
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [RULES],
      scrape_configs: [{ job_name: 'taustat', static_configs: [{ targets: instances }] }],
    };
    writeFileSync(join(this.#folder, 'prometheus.yml'), JSON.stringify(config));
    this.#child = spawn(
      'prometheus',
      [
        `--config.file=${join(this.#folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(this.#folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    await until(() =>
      fetch(`${this.#url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }

  /** The values of an expression now, without those that are no number: a panel shows nothing for these. */
  async ask(expr: string): Promise<readonly { metric: Record<string, string>; value: number }[]> {
    const answer = await fetch(`${this.#url}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: expr }),
    });
    const { status, error, data } = (await answer.json()) as {
      status: string;
      error?: string;
      data: { resultType: string; result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    expect([status, error, expr]).toEqual(['success', undefined, expr]);
    return data.result
      .map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
      .filter(({ value }) => !Number.isNaN(value));
  }

  /** Whether an expression has had a value at any time. */
  async hasHad(expr: string): Promise<boolean> {
    const range = { start: String(this.#openedAt), end: String(Date.now() / 1000), step: '1' };
    const answer = await fetch(`${this.#url}/api/v1/query_range`, {
      method: 'POST',
      body: new URLSearchParams({ query: expr, ...range }),
    });
    const { data } = (await answer.json()) as { data: { result: { values: [number, string][] }[] } };
    return data.result.some(({ values }) => values.some(([, value]) => value !== 'NaN'));
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child !== undefined) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.#folder, { recursive: true });
  }
}

type State = 'steady' | 'ramp' | 'drift' | 'fallback';

/** Each state, by what brings a server into it, and keeps it there. */
const SETTINGS: Readonly<Record<State, Record<string, string>>> = {
  steady: {},
  ramp: { TAUSTAT_CONTROL_RAMP_SAMPLES: '100000' },
  fallback: { TAUSTAT_WINDOW_SLICE_SAMPLES: '256', TAUSTAT_AGREEMENT_COOLDOWN_SAMPLES: '100000' },
  // The last: it ends by itself.
  drift: { TAUSTAT_WINDOW_SLICES: '64', TAUSTAT_WINDOW_MIN_SAMPLES: '1000' },
};

const STATES = Object.keys(SETTINGS) as State[];

// By itself only, `npm run test:live`: servers that share a busy machine may not get into these states in time.
describe.runIf(process.env.LIVE === 'true')('with a real Prometheus and servers in each state', () => {
  const prometheus = new Prometheus();
  const scenes = new Map<State, Scene>();
  const scene = (state: State) => scenes.get(state)!;
  beforeAll(async () => {
    const images = (await readNpy(smallCnn('inputs.npy'))).elements as Float32Array;
    for (const state of STATES) {
      const one = new Scene(SETTINGS[state]);
      scenes.set(state, one);
      await one.open();
    }
    await prometheus.open(STATES.map((state) => scene(state).instance));
    for (const [state, one] of scenes) {
      one.begin(images);
      await reach(state, one);
    }
    await until(async () => (await prometheus.ask('min(count_over_time(up[1m])) >= 15')).length > 0);
  });
  afterAll(async () => {
    await prometheus.close();
    await Promise.all([...scenes.values()].map((one) => one.close()));
  });

  const queries = [
    ...ROWS.flatMap(({ panels }) =>
      panels.flatMap(({ title, queries }) =>
        queries.map(({ legend, ...query }) => ({ where: `${title}: ${legend}`, ...query })),
      ),
    ),
    ...OTHER_QUERIES,
  ];
  const hasValues = async (expr: string, state: State) =>
    (await prometheus.ask(asked(expr, scene(state)))).length > 0;

  it.each(STATES)('%s: no query of the dashboard is empty without a reason', async (state) => {
    const empty: string[] = [];
    for (const { where, expr, emptyWhen } of queries)
      if (emptyWhen === undefined && !(await hasValues(expr, state))) empty.push(where);
    expect(empty).toEqual([]);
  });

  it('leaves no query empty all the time, but for what none of these servers has', async () => {
    const empty: string[] = [];
    for (const { where, expr, emptyWhen } of queries) {
      const found = await Promise.all(STATES.map((state) => prometheus.hasHad(asked(expr, scene(state)))));
      if (!found.includes(true)) empty.push(`${where}: ${emptyWhen}`);
    }
    for (const reason of empty)
      expect(reason).toMatch(
        /: (without an upstream server|without a shared store|where gates prune whatever .*|while the state stays .*)$/,
      );
  });

  it.each(STATES)(
    '%s: rules are evaluated on series that are there, or say when they are not',
    async (state) => {
      const missing = new Set<string>();
      for (const { expr } of rules)
        for (const { name } of namesIn(expr).selectors)
          if (!(await hasValues(`${name}{instance=~"$instance"}`, state)) && reasonFor(name) === undefined)
            missing.add(name);
      expect([...missing]).toEqual([]);
      const found = await Promise.all(
        rules
          .flatMap(({ record }) => (record === undefined || reasonFor(record) !== undefined ? [] : [record]))
          .map(
            async (record) => [record, await hasValues(`${record}{instance=~"$instance"}`, state)] as const,
          ),
      );
      expect(found.filter(([, isThere]) => !isThere)).toEqual([]);
    },
  );

  it.each([
    ['steady', []],
    ['ramp', []],
    ['fallback', ['TaustatDense', 'TaustatFallback']],
    ['drift', ['TaustatDense', 'TaustatDrifted']],
  ] as const)('%s: what alerts is %j', async (state, expected) => {
    await until(async () => {
      const alerts = await prometheus.ask(asked('ALERTS{instance=~"$instance"}', scene(state)));
      const names = alerts.map(({ metric }) => metric.alertname!).filter((name) => !OF_THE_MACHINE.has(name));
      return JSON.stringify(names.sort()) === JSON.stringify(expected);
    });
  });

  it('has told of drift and disagreement as warnings', () => {
    for (const [state, reason] of [
      ['drift', 'drift'],
      ['fallback', 'disagreement'],
    ] as const) {
      const lines = scene(state)
        .log.split('\n')
        .filter((line) => line.includes(`"reason":"${reason}"`));
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(JSON.parse(line).level).toBe(40);
    }
  });

  it('was in these states all the time', async () => {
    const [steady, ramp, fallback, drift] = await Promise.all(STATES.map((state) => scene(state).report()));
    expect(steady).toMatchObject({ state: 'tracking', exposure: 1 });
    expect(ramp!.exposure * (1 - ramp!.exposure)).toBeGreaterThan(0);
    expect([fallback!.state, drift!.state]).toEqual(['fallback', 'drifted']);
  });
});

/** Alerts that a busy machine may cause. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['TaustatEventLoopBlocked', 'TaustatQueueing']);

/** When recorded series have values, those that do not always. */
const RECORDED: Readonly<Record<string, string>> = {
  'instance_model:taustat_infer_seconds_dense:mean5m': 'when every answer of five minutes was dense',
  'instance_model:taustat_infer_seconds_pruned:mean5m': 'when every answer of five minutes was pruned',
};
const families = new Map(new Metrics().families.map(({ name, present }) => [name, present]));

/** When a series has values; undefined: always. */
function reasonFor(name: string): string | undefined {
  const present = RECORDED[name] ?? families.get(name) ?? 'always';
  return present === 'always' ? undefined : present;
}

/** Brings a server into a state by its traffic, which then goes on more slowly. */
async function reach(state: State, one: Scene): Promise<void> {
  if (state === 'steady') await one.until(isFarUp);
  if (state === 'ramp') await one.until(({ exposure }) => exposure > 0 && exposure < 1);
  if (state === 'fallback') await fallBack(one);
  if (state === 'drift') {
    await one.until(isFarUp);
    one.sends(BRIGHT, 10);
    await one.until((report) => report.state === 'drifted');
  }
  // A fresh window would end the drift; it fills within minutes.
  one.slowDown(state === 'drift' ? 400 : 40);
}

/** Real images until all of production is pruned, then noise. Should that be found out as drift, once more. */
async function fallBack(one: Scene): Promise<void> {
  do {
    one.sends(REAL, 10);
    await one.until(isFarUp);
    one.sends(NOISE, 10);
    await one.until((report) => report.state !== 'tracking');
  } while ((await one.report()).state !== 'fallback');
}

/** So far up the ladder noise loses a lot. */
function isFarUp({ state, exposure, threshold }: Report): boolean {
  return state === 'tracking' && exposure === 1 && threshold >= 0.5;
}

/** A query as the dashboard asks it with all versions of the model, of one server. */
function asked(expr: string, { instance }: Scene): string {
  return expr
    .replaceAll('$__rate_interval', '10s')
    .replaceAll('$model', SMALL_NAME)
    .replaceAll('$instance', instance.replaceAll('.', '\\\\.'))
    .replaceAll(/\$(namespace|pod|version)\b/g, '.*');
}
