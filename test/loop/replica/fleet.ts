import { setImmediate } from 'node:timers/promises';
import { parseConfig } from '../../../src/config/schema.ts';
import { controlOptionsOf } from '../../../src/control/phases/options.ts';
import { production, stateName } from '../../../src/control/phases/production.ts';
import type { ControllerState } from '../../../src/control/phases/state.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { ControlLoop } from '../../../src/loop/control-loop.ts';
import type { ReplicaNews } from '../../../src/loop/replica/news.ts';
import { Replica, TICK_MS } from '../../../src/loop/replica/replica.ts';
import { hashToUnit } from '../../../src/loop/sampler.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import type { Runtime, ShadowResult, ShadowRun } from '../../../src/runtime/runtime.ts';
import { MemoryStore } from '../../../src/store/shared/memory-store.ts';
import type { Group, SharedStore } from '../../../src/store/shared/shared-store.ts';
import { rayleigh } from '../../control/events.ts';

export const LEASE_MS = 10_000;
export const DENSE_AFTER_MS = 60_000;
export const GROUP: Group = { model: 'm', fingerprint: 'same' };

const CONFIG = parseConfig({ agreement: { floor: 0.95 } });
const POOL = Array.from({ length: 48 }, (_, i) => rayleigh(i + 1, 600));

/** Loses by chance what a higher threshold loses more of: nothing at 0, half at 2. */
function answer(seed: number, threshold: number, breaking: number): Tensor {
  const right = seed % 2 === 0 ? 4 : -4;
  const isLost = threshold > 0 && hashToUnit(`${seed}`) < Math.max(breaking, 0.5 * (threshold / 2) ** 6);
  return {
    name: 'y',
    datatype: 'FP32',
    shape: [1, 2],
    elements: Float32Array.of(isLost ? -right : right, 0),
  };
}

/** A model that answers at once, by the number of the request. */
export class SeededRuntime implements Pick<Runtime, 'shadow' | 'busy'> {
  busy = { productionMs: 0, shadowMs: 0, workers: 1 };
  isFailing = false;
  /** Share of pruned answers that are wrong whatever the threshold. */
  breaking = 0;
  scale = 1;

  async shadow({ inputs, thresholds, measure }: ShadowRun): Promise<ShadowResult> {
    if (this.isFailing) throw new Error('a run that fails');
    this.busy.shadowMs += 1;
    const seed = (inputs[0]!.elements as Float64Array)[0]!;
    const h = POOL[seed % POOL.length]!;
    return {
      outputs: [answer(seed, thresholds?.[0] ?? 0, this.breaking)],
      histograms: measure === 'histogram' ? [h] : [],
      retained: measure === 'retained' ? [{ count: 300, sum: 100 }] : [],
      queueMs: 0,
      inferMs: 1,
      measureMs: 0,
      workerMs: 1,
    };
  }
}

export interface Member {
  readonly loop: ControlLoop;
  readonly replica: Replica;
  readonly runtime: SeededRuntime;
  readonly news: ReplicaNews[];
  /** It cannot reach the store. */
  isCut: boolean;
  /** The store does not answer it any more. */
  isHung: boolean;
  tickAt: number;
}

export interface MemberOptions {
  /** Of its own clock, ahead of the others'. */
  readonly skewMs?: number;
  readonly group?: Group;
  readonly isCut?: boolean;
}

/** Replicas of the server's own loop in virtual time, over one store. */
export class Fleet {
  requests = 0;
  /** Requests in a row that are the same, dealt out over the replicas. */
  sceneLength = 1;
  #scene = 0;
  readonly members: Member[] = [];
  readonly store: SharedStore;
  #nowMs = Date.UTC(2026, 0, 1);
  #monotonicMs = 0;
  #turn = 0;
  readonly #random = xorshift(11);

  constructor(replicas: number, options: MemberOptions = {}) {
    this.store = new MemoryStore(() => Math.floor(this.#nowMs));
    for (let i = 0; i < replicas; i++) this.add(options);
  }

  add({ skewMs = 0, group = GROUP, isCut = false }: MemberOptions = {}): Member {
    const number = this.members.length + 1;
    const runtime = new SeededRuntime();
    const news: ReplicaNews[] = [];
    const clock = {
      wallMs: () => Math.floor(this.#nowMs + skewMs),
      monotonicMs: () => this.#monotonicMs + 977 * number,
    };
    const member = { runtime, news, isCut, isHung: false, tickAt: 0 } as {
      -readonly [K in keyof Member]: Member[K];
    };
    const replica = new Replica({
      store: cuttable(
        this.store,
        () => member.isCut,
        () => member.isHung,
      ),
      group,
      id: `r${this.members.length}`,
      sites: 1,
      control: controlOptionsOf(CONFIG),
      clock,
      leaseMs: LEASE_MS,
      denseAfterMs: DENSE_AFTER_MS,
      windowMs: 86_400_000,
      onChoice: ({ choice, at }) => {
        const { mode, threshold } = JSON.parse(choice);
        member.loop.setMode(mode, threshold, at);
      },
      onNews: (one) => news.push(one),
    });
    const loop = new ControlLoop({
      sites: 1,
      outputs: ['y'],
      config: CONFIG,
      runtime,
      clock: { ...clock, wallMs: () => replica.lease.wallMs },
      sharing: replica,
    });
    Object.assign(member, { replica, loop });
    this.members.push(member);
    replica.attach(loop);
    return member;
  }

  /** Gone without a word. */
  kill(member: Member): void {
    member.isCut = true;
    this.members.splice(this.members.indexOf(member), 1);
    member.loop.close();
  }

  get deciders(): Member[] {
    return this.members.filter(({ replica }) => replica.decides());
  }

  get decider(): Member {
    const [first] = this.deciders;
    if (first === undefined) throw new Error('nobody decides');
    return first;
  }

  get followers(): Member[] {
    return this.members.filter(({ replica }) => !replica.decides());
  }

  /** Time passes, and requests come to one replica after the other. @returns seconds that passed. */
  async run(seconds: number, perSecond: number, until: () => boolean = () => false): Promise<number> {
    const start = this.#monotonicMs;
    while (this.#monotonicMs < start + 1000 * seconds && !until()) {
      const ms = perSecond === 0 ? TICK_MS : 1000 / perSecond;
      this.#nowMs += ms;
      this.#monotonicMs += ms;
      for (const { runtime } of this.members) runtime.busy.productionMs += 0.5 * ms;
      for (const member of this.members) {
        if (this.#monotonicMs < member.tickAt) continue;
        member.tickAt = this.#monotonicMs + TICK_MS;
        const turn = member.replica.tick();
        if (!member.isHung) await turn;
      }
      if (perSecond > 0) await this.#request(this.members[this.#turn++ % this.members.length]!);
    }
    return (this.#monotonicMs - start) / 1000;
  }

  async #request({ loop, runtime }: Member): Promise<void> {
    if (this.requests % this.sceneLength === 0) this.#scene = Math.floor(this.#random() * 1e9);
    const seed = this.#scene;
    const { threshold, look } = loop.place(`${this.requests++}`);
    const outputs = [answer(seed, threshold, runtime.breaking)];
    loop.answered(threshold, outputs, this.#monotonicMs);
    const inputs: Tensor[] = [{ name: 'x', datatype: 'FP64', shape: [1], elements: Float64Array.of(seed) }];
    if (look !== undefined) await loop.sample({ ...look, inputs, outputs, threshold });
    while (loop.isJudging) await setImmediate();
  }

  close(): void {
    for (const { loop } of this.members) loop.close();
  }
}

/** What all replicas do alike. */
export function doing({ loop }: Member) {
  const { state } = loop;
  return { state: stateName(state), production: production(state), epoch: state.epoch, mode: state.mode };
}

export function isAllServed({ loop }: Member): boolean {
  const { threshold, share } = production(loop.state);
  return threshold > 0 && share === 1;
}

export function changesOf({ loop }: Member): ControllerState['change'][] {
  const changes: ControllerState['change'][] = [];
  loop.steps$.subscribe(({ before, after }) => {
    if (before.change !== after.change) changes.push(after.change);
  });
  return changes;
}

function cuttable(store: SharedStore, isCut: () => boolean, isHung: () => boolean): SharedStore {
  return new Proxy(store, {
    get(of, name: keyof SharedStore) {
      const value = of[name];
      if (typeof value !== 'function') return value;
      if (name === 'subscribe')
        return (group: Group, listener: Parameters<SharedStore['subscribe']>[1]) =>
          of.subscribe(group, (message) => {
            if (!isCut()) listener(message);
          });
      return (...values: never[]) => {
        if (isHung()) return new Promise(() => undefined);
        if (isCut()) return Promise.reject(new Error('the store is out of reach'));
        return (value as (...all: never[]) => unknown).apply(of, values);
      };
    },
  });
}
