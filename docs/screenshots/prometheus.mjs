import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program, until } from './scene.mjs';

const RULES = fileURLToPath(new URL('../../deploy/prometheus/rules.yml', import.meta.url));

/** @typedef {{ readonly labels: Readonly<Record<string, string>>, readonly points: readonly (readonly [x: number, y: number])[] }} Answered */

/** A Prometheus that scrapes a server every second, with the rules of the deploy kit. */
export class Prometheus {
  #url = '';
  #instance = '';
  #openedAt = 0;
  /** @type {Program | undefined} */
  #program;

  /** @param {string} folder - of its data. @param {string} serverUrl */
  async open(folder, serverUrl) {
    this.#instance = new URL(serverUrl).host;
    const config = join(folder, 'prometheus.json');
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: [RULES],
        scrape_configs: [{ job_name: 'taustat', static_configs: [{ targets: [this.#instance] }] }],
      }),
    );
    const port = await freePort();
    this.#url = `http://127.0.0.1:${port}`;
    this.#program = new Program('prometheus', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ]);
    await until('Prometheus is ready', () =>
      fetch(`${this.#url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    this.#openedAt = Date.now() / 1000;
  }

  /** Seconds since it was opened. */
  get seconds() {
    return Date.now() / 1000 - this.#openedAt;
  }

  /**
   * A query of the dashboard over all the time, as Grafana would ask it of one model.
   *
   * @param {string} expr @param {string} model
   * @returns {Promise<readonly Answered[]>} points by seconds since it was opened.
   */
  async ask(expr, model) {
    const query = expr
      .replaceAll('$__rate_interval', '10s')
      .replaceAll('$model', model)
      .replaceAll('$instance', this.#instance.replaceAll('.', '\\\\.'))
      .replaceAll(/\$(namespace|pod|version)\b/g, '.*');
    const answer = await fetch(`${this.#url}/api/v1/query_range`, {
      method: 'POST',
      body: new URLSearchParams({
        query,
        start: String(this.#openedAt),
        end: String(Date.now() / 1000),
        step: '1',
      }),
    });
    const { status, error, data } = /** @type {RangeAnswer} */ (await answer.json());
    if (status !== 'success') throw new Error(`${query}: ${error}`);
    return data.result.map(({ metric, values }) => ({
      labels: metric,
      points: values.map(([at, value]) => /** @type {const} */ ([at - this.#openedAt, Number(value)])),
    }));
  }

  async close() {
    await this.#program?.stop();
  }
}

/**
 * @typedef {object} RangeAnswer
 * @property {string} status
 * @property {string} [error]
 * @property {{ result: { metric: Record<string, string>, values: [number, string][] }[] }} data
 */

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}
