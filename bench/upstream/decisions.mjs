// Whether a control loop decides the same where its model runs in an upstream server: `npm run bench:upstream -- --decisions`.
// The same requests, settings and seed, in virtual time: once with the model in this process, and once for each protocol with it behind
// a socket, in a server that has the plain model and the instrumented one.
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../dist/config/schema.js';
import { recordedInputs } from '../../dist/tools/inputs/recorded-inputs.js';
import { ENTRIES, entryOf, isFirstSeed } from '../zoo/entries.mjs';
import { decisionsOf, partingOf, turnsOf } from './decided.mjs';
import { openHere, openThere, startThere } from './here-and-there.mjs';

const PROTOCOLS = /** @type {const} */ (['http', 'grpc']);
/** Every row of the control suite. */
export const ROWS = ENTRIES.filter(isFirstSeed).map(({ name }) => name);

/**
 * @param {string} name - a row of the zoo.
 * @param {number} requests - four of five with the recorded inputs, then changed ones.
 * @returns what is sent, and with which settings.
 */
export async function trafficOf(name, requests) {
  const { model, inputs } = entryOf(name);
  const path = (/** @type {string} */ file) => fileURLToPath(new URL(`../../${file}`, import.meta.url));
  const here = await openHere(path(model));
  const rows = await recordedInputs(here.model.signature, {
    inputs: Object.entries(inputs).map(([input, file]) => `${input}=${path(file)}`),
  });
  const isText = here.model.signature.inputs[0]?.datatype !== 'FP32';
  const changed = Math.floor(requests / 5);
  const traffic = [
    { requests: requests - changed, variant: 'base' },
    { requests: changed, variant: isText ? 'truncated' : 'half-light' },
  ];
  const config = parseConfig({ sampling: { ratio: 0.2 } });
  return { file: path(model), here, sent: { rows, traffic, config, seed: 1 } };
}

/** @param {{ requests: number, names: readonly string[], isJson: boolean }} options */
export async function compareDecisions({ requests, names, isJson }) {
  const results = [];
  if (!isJson)
    process.stdout.write(
      '| model | sampled | runs | changes of production | estimates | events | at the end | over REST | over gRPC |\n|---|---|---|---|---|---|---|---|---|\n',
    );
  for (const name of names.length > 0 ? names : ROWS) {
    const { file, here, sent } = await trafficOf(name, requests);
    const server = await startThere(file);
    const own = await decisionsOf({ ...here, ...sent });
    await here.close();
    /** @type {Record<string, ReturnType<typeof partingOf>>} */
    const partings = {};
    for (const protocol of PROTOCOLS) {
      const there = await openThere(server[protocol]);
      const { log } = await decisionsOf({ ...there, ...sent });
      partings[protocol] = partingOf(own.log, log);
      await there.close();
    }
    await server.close();
    const { log, runs, sampled, end } = own;
    const counts = {
      changes: turnsOf(log).length,
      estimates: log.filter(({ estimate }) => estimate).length,
      events: log.length,
    };
    results.push({ name, requests, sampled, runs, ...counts, end, partings });
    const verdict = (/** @type {'http' | 'grpc'} */ protocol) =>
      partings[protocol] === undefined ? 'the same' : `parts at event ${partings[protocol].entry}`;
    const at = `${end.state}, τ = ${end.threshold.toPrecision(3)}`;
    const { changes, estimates, events } = counts;
    if (!isJson)
      process.stdout.write(
        `| ${name} | ${sampled} | ${runs} | ${changes} | ${estimates} | ${events} | ${at} | ${verdict('http')} | ${verdict('grpc')} |\n`,
      );
  }
  if (isJson) process.stdout.write(`${JSON.stringify({ requests, results })}\n`);
  if (results.some(({ partings }) => PROTOCOLS.some((one) => partings[one] !== undefined)))
    process.exitCode = 1;
}
