// What a control loop decides: the server's own loop in virtual time, its runs in a runtime that may be anywhere.
import { setImmediate } from 'node:timers/promises';
import { xorshift } from '../../dist/drift/xorshift.js';
import { ControlLoop } from '../../dist/loop/control-loop.js';
import { varied } from '../control/recording/variants.mjs';
import { steady } from '../control/replay/arrivals.mjs';
import { VirtualClock } from '../control/replay/clock.mjs';
import { productionOf } from '../control/replay/production.mjs';
import { PacedRuntime } from './paced-runtime.mjs';

/**
 * @typedef {import('../../dist/runtime/servable-model.js').ServableModel} ServableModel
 * @typedef {import('../../dist/tools/inputs/input-rows.js').InputRows} InputRows
 * @typedef {import('../../dist/config/schema.js').Config} Config
 * @typedef {{ requests: number, variant: string }} Part
 * `variant`: what was done to the recorded inputs; see `variants.mjs`.
 * @typedef {{
 *   model: Pick<ServableModel, 'sites' | 'softmaxOutputs' | 'signature'>,
 *   runtime: Pick<import('../../dist/runtime/runtime.js').Runtime, 'run' | 'shadow'>,
 *   rows: InputRows, traffic: readonly Part[], config: Config, seed: number,
 * }} Decided
 * @typedef {{ request: number, event: import('../../dist/control/phases/event.js').ControlEvent, production: ReturnType<typeof productionOf>, estimate: Estimate | undefined }} Entry
 * `estimate`: what the window says, where it moved on.
 * @typedef {Pick<import('../../dist/criticality/critical-point.js').Criticality, 'critical' | 'features'> | null} Estimate
 * @typedef {{ log: Entry[], runs: number, sampled: number, end: ReturnType<typeof productionOf> }} Decisions
 */

const MEAN_ARRIVAL_MS = 10;

/**
 * Sends requests to a loop, one after the other: each is answered by the runtime at the threshold that the loop says, and what it
 * wants looked at again is looked at before the next one comes. The same seed draws the same requests, at the same virtual times.
 *
 * @param {Decided} decided
 * @returns {Promise<Decisions>} every event that reached the controller, and what production does after it.
 */
export async function decisionsOf({ model, runtime, rows, traffic, config, seed }) {
  const clock = new VirtualClock();
  const paced = new PacedRuntime(runtime);
  const random = xorshift(seed);
  const arrivals = steady(MEAN_ARRIVAL_MS);
  const outputs = model.signature.outputs.map(({ name }) => name);
  let request = 0;
  let sampled = 0;
  /** @type {Entry[]} */
  const log = [];
  const loop = new ControlLoop({
    sites: model.sites.length,
    poles: model.sites.map(({ pole }) => pole),
    outputs,
    softmaxOutputs: model.softmaxOutputs,
    config,
    runtime: paced,
    clock,
  });
  loop.steps$.subscribe(({ event, after }) =>
    log.push({
      request,
      event,
      production: productionOf(after),
      estimate: event.kind === 'snapshot' ? estimateOf(loop.estimation.criticality) : undefined,
    }),
  );
  try {
    for (const { requests, variant } of traffic)
      for (let n = 0; n < requests; n++, request++) {
        const elapsedMs = arrivals(random, request);
        clock.advance(elapsedMs);
        paced.advance(elapsedMs);
        const row = Math.floor(random() * rows.count);
        const inputs = varied(variant, rows.batch(row, row + 1), row);
        const { threshold, look } = loop.place(`${seed}-${request}`);
        const thresholds = threshold === 0 ? undefined : loop.thresholdsAt(threshold);
        const answer = await paced.run({ inputs, outputs, thresholds });
        loop.answered(threshold, answer, clock.monotonicMs());
        if (look !== undefined) {
          sampled++;
          await loop.sample({ ...look, inputs, outputs: answer, threshold });
        }
        while (loop.isJudging) await setImmediate();
      }
    return { log, runs: paced.runs, sampled, end: productionOf(loop.state) };
  } finally {
    loop.close();
  }
}

/** Entries after which production does otherwise, or the loop is in another state, than before. @param {readonly Entry[]} log */
export function turnsOf(log) {
  return log.filter(({ production: now }, i) => {
    const before = log[i - 1]?.production;
    return (
      before === undefined ||
      now.threshold !== before.threshold ||
      now.share !== before.share ||
      now.rest !== before.rest ||
      now.state !== before.state ||
      now.detail !== before.detail
    );
  });
}

/** @param {import('../../dist/criticality/critical-point.js').Criticality | null} criticality @returns {Estimate} */
function estimateOf(criticality) {
  if (criticality === null) return null;
  const { critical, features } = criticality;
  return { critical, features };
}

/**
 * Where two logs part.
 *
 * @param {readonly Entry[]} a @param {readonly Entry[]} b
 * @returns {{ entry: number, here: Entry | undefined, there: Entry | undefined } | undefined} undefined: they are the same, to the last bit.
 */
export function partingOf(a, b) {
  for (let entry = 0; entry < Math.max(a.length, b.length); entry++)
    if (textOf(a[entry]) !== textOf(b[entry])) return { entry, here: a[entry], there: b[entry] };
  return undefined;
}

/** Every number with all its digits. @param {unknown} value */
function textOf(value) {
  return JSON.stringify(value, (_, part) => {
    if (ArrayBuffer.isView(part)) return Array.from(/** @type {Float64Array} */ (part));
    return typeof part === 'number' && !Number.isFinite(part) ? String(part) : part;
  });
}
