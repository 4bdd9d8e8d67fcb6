// Several replicas of one model, each the server's own loop, that share a store; in virtual time.
import { setImmediate } from 'node:timers/promises';
import { controlOptionsOf } from '../../dist/control/phases/options.js';
import { appliedThreshold, production, stateName } from '../../dist/control/phases/production.js';
import { xorshift } from '../../dist/drift/xorshift.js';
import { ControlLoop } from '../../dist/loop/control-loop.js';
import { Replica, TICK_MS } from '../../dist/loop/replica/replica.js';
import { MemoryStore } from '../../dist/store/shared/memory-store.js';
import { VirtualClock } from '../control/replay/clock.mjs';
import { inputsOf, RecordedRuntime } from '../control/replay/recorded-runtime.mjs';
import { configOf, promiseOf } from '../control/replay/settings.mjs';
import { Mixture } from '../control/replay/traffic.mjs';
import { present } from '../present.mjs';
import { counted } from './counted-store.mjs';

/**
 * @typedef {{
 *   row: string,
 *   replicas: number,
 *   seed: number,
 *   load?: number,
 *   config?: import('../control/replay/settings.mjs').ConfigInput,
 *   onNews?: (replica: string, news: import('../../dist/loop/replica/news.js').ReplicaNews) => void,
 * }} FleetOptions
 * `load`: share of each worker's time that production takes.
 * @typedef {{ loop: ControlLoop, replica: Replica, runtime: RecordedRuntime, clock: import('../../dist/loop/clock.js').Clock, tickAt: number, isCut: boolean }} Member
 */

const LEASE_MS = 10_000;
const DENSE_AFTER_MS = 60_000;

export class Fleet {
  requests = 0;
  /** The largest true mean loss of a threshold that any request was answered at. */
  worstLoss = 0;
  /** Milliseconds of processor that replicas took in their turns, requests left out. */
  tickMs = 0;
  /** @type {Member[]} */
  members = [];
  clock = new VirtualClock();
  store;
  traffic;
  #options;
  #random;
  #truth;
  #next = 0;
  #started = 0;

  /** @param {FleetOptions} options */
  constructor(options) {
    this.#options = options;
    this.#random = xorshift(options.seed);
    this.#truth = promiseOf(configOf(options.config)).truth;
    this.traffic = new Mixture(options.row, [{}]);
    this.store = counted(new MemoryStore(this.clock.wallMs));
    for (let i = 0; i < options.replicas; i++) this.add();
  }

  /** One more replica. @param {{ skewMs?: number, fingerprint?: string }} [more] @returns {Member} */
  add({ skewMs = 0, fingerprint = 'same' } = {}) {
    const { seed, config: settings, load = 0.5, onNews } = this.#options;
    const config = configOf(settings);
    const number = this.#started++;
    const id = `r${number}`;
    const runtime = new RecordedRuntime(xorshift(seed + 7919 + number));
    runtime.load = load;
    const clock = {
      wallMs: () => this.clock.wallMs() + skewMs,
      monotonicMs: () => this.clock.monotonicMs() + 1000 * number,
    };
    /** @type {ControlLoop} */
    let loop;
    /** @type {Member} */
    let member;
    const { sites, poles } = this.traffic.first.recorded;
    const store = cuttable(this.store, () => member?.isCut === true);
    const control = controlOptionsOf(config);
    const replica = new Replica({
      store,
      group: { model: 'm', fingerprint },
      id,
      sites,
      control,
      clock,
      leaseMs: LEASE_MS,
      denseAfterMs: DENSE_AFTER_MS,
      windowMs: 86_400_000,
      onChoice: ({ choice, at }) => {
        const { mode, threshold } = JSON.parse(choice);
        loop.setMode(mode, threshold ?? undefined, at);
      },
      onNews: (news) => onNews?.(id, news),
    });
    loop = new ControlLoop({
      sites,
      poles,
      outputs: ['logits'],
      config,
      runtime,
      clock: { ...clock, wallMs: () => replica.lease.wallMs },
      sharing: replica,
    });
    member = { loop, replica, runtime, clock, tickAt: this.clock.monotonicMs(), isCut: false };
    this.members.push(member);
    replica.attach(loop);
    return member;
  }

  /** It is gone without a word. @param {Member} member */
  kill(member) {
    member.isCut = true;
    this.members = this.members.filter((other) => other !== member);
    member.loop.close();
  }

  get decider() {
    return this.members.find(({ replica }) => replica.decides());
  }

  /** Time passes: every request comes to one replica, in turn. @param {number} ms @param {number} perSecond - requests of all. */
  async run(ms, perSecond, until = () => false) {
    const end = this.clock.monotonicMs() + ms;
    while (this.clock.monotonicMs() < end && !until()) {
      const elapsedMs = perSecond === 0 ? TICK_MS : (-1000 * Math.log(1 - this.#random())) / perSecond;
      this.clock.advance(elapsedMs);
      for (const { runtime } of this.members) runtime.advance(elapsedMs);
      await this.#tick();
      if (perSecond > 0) await this.#request(present(this.members[this.#next++ % this.members.length]));
    }
  }

  async #tick() {
    const now = this.clock.monotonicMs();
    const started = process.cpuUsage();
    for (const member of this.members) {
      if (now < member.tickAt) continue;
      member.tickAt = now + TICK_MS;
      await member.replica.tick();
    }
    const { user, system } = process.cpuUsage(started);
    this.tickMs += (user + system) / 1000;
  }

  /** @param {Member} member */
  async #request({ loop, runtime, clock }) {
    const item = this.traffic.draw(this.#random);
    const { threshold, look } = loop.place(`${this.#options.seed}-${this.requests++}`);
    if (threshold > 0) this.worstLoss = Math.max(this.worstLoss, this.traffic.rate(this.#truth, threshold));
    const outputs = runtime.answer(item, threshold);
    loop.answered(threshold, outputs, clock.monotonicMs());
    if (look !== undefined) await loop.sample({ ...look, inputs: inputsOf(item), outputs, threshold });
    while (loop.isJudging) await setImmediate();
  }

  /** What one replica does. @param {Member} member */
  static reading({ loop, replica }) {
    const { state } = loop;
    return {
      state: stateName(state),
      role: replica.lease.role,
      threshold: appliedThreshold(state),
      production: production(state),
      epoch: state.epoch,
    };
  }

  close() {
    for (const { loop } of this.members) loop.close();
  }
}

/** A store that a replica cannot reach while it is cut off. @type {(store: import('../../dist/store/shared/shared-store.js').SharedStore, isCut: () => boolean) => import('../../dist/store/shared/shared-store.js').SharedStore} */
function cuttable(store, isCut) {
  return new Proxy(store, {
    get(of, name) {
      const value = Reflect.get(of, name);
      if (typeof value !== 'function') return value;
      if (name === 'subscribe')
        return (/** @type {any} */ group, /** @type {(message: any) => void} */ listener) =>
          of.subscribe(group, (message) => {
            if (!isCut()) listener(message);
          });
      return (/** @type {any[]} */ ...values) =>
        isCut() ? Promise.reject(new Error('the store is out of reach')) : value.apply(of, values);
    },
  });
}
