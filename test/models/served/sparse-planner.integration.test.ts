// What a planner makes of a plan from before a restart.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { KeptPlan } from '../../../src/control/phases/kept-plan.ts';
import { type Plan, SparsePlanner } from '../../../src/models/served/sparse-planner.ts';
import { decodeModel } from '../../../src/onnx/model-file.ts';
import { findSites } from '../../../src/onnx/sites.ts';
import { findKernels, type Kernels } from '../../../src/runtime/local/kernels.ts';
import { smallCnn } from '../../small-cnn.ts';
import { until } from '../../transport/http/until.ts';

const kernels = await findKernels('auto');
const SITES = { scheme: 'activations' } as const;
const BUCKET = { rows: 1, pays: true, speedup: { ratio: 1.5, low: 1.4, high: 1.6 }, plainMs: 3, sparseMs: 2 };
const KEPT: KeptPlan = { under: `${kernels}, 1`, threshold: 0.25, layers: [0, 1], buckets: [BUCKET] };

interface Told {
  readonly plan: Plan;
  readonly isAdoptable: boolean;
  readonly isKept: boolean;
}

function planning(kept: KeptPlan): { readonly planner: SparsePlanner; readonly told: Told[] } {
  const plain = readFileSync(smallCnn('model.onnx'));
  const told: Told[] = [];
  const planner = new SparsePlanner({
    setup: { plain, intraOpThreads: 1, sites: SITES, kernels: kernels as Kernels },
    gatedSites: () => null,
    outputs: ['logits'],
    sites: findSites(decodeModel(plain), SITES).sites.length,
    runtime: { pending: 0 },
    kept,
    onPlan: (plan, model, isKept) => told.push({ plan, isAdoptable: model !== undefined, isKept }),
  });
  return { planner, told };
}

/** Requests that a planner which has a plan does not ask for. */
function offer(planner: SparsePlanner): void {
  const elements = new Float32Array(784).fill(90);
  for (let i = 0; i < 3; i++)
    planner.addSample([{ name: 'image', datatype: 'FP32', shape: [1, 1, 28, 28], elements }]);
}

describe.skipIf(typeof kernels === 'object')('a plan from before a restart', () => {
  it('is taken as it is', async () => {
    const { planner, told } = planning(KEPT);
    await until(() => told.length > 0);
    expect(told).toMatchObject([
      { isAdoptable: true, isKept: true, plan: { kind: 'measured', set: [0, 1], buckets: [BUCKET] } },
    ]);
    expect(planner.savesTime(1)).toBe(true);
    expect(planner.savesTime(16)).toBe(false);
    expect(planner.planToKeep).toEqual(KEPT);
    planner.close();
  });

  it.each([
    ['does not fit the model', { ...KEPT, layers: [0, 99] }],
    ['was made with other kernels', { ...KEPT, under: 'abacus, 1' }],
  ])('that %s is none, and another is made', async (_, kept) => {
    const { planner, told } = planning(kept);
    planner.setTarget(0.25);
    await until(() => {
      offer(planner);
      return told.length > 0;
    });
    expect(told).toMatchObject([{ isKept: false, plan: { kind: 'measured' } }]);
    planner.close();
  });
});
