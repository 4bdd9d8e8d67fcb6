import { bundledModel } from '../../config/bundled-model.ts';
import { ServingError } from '../../config/errors.ts';
import { DEFAULT_SCHEME, type SiteScheme } from '../../config/site-schemes.ts';
import type { BucketPlan } from '../../control/phases/kept-plan.ts';
import type { Plan } from '../../models/served/sparse-planner.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { findKernels } from '../../runtime/local/kernels.ts';
import { loadModel } from '../../runtime/local/load-model.ts';
import type { KernelChoice } from '../../runtime/local/native/addon.ts';
import { PLAIN, type Speedup } from '../../sparse/speedup.ts';
import { analyze } from '../analyze/analyze.ts';
import { type JudgedThreshold, judgedThreshold } from '../analyze/judged-threshold.ts';
import type { Progress } from '../analyze/options.ts';
import { areBundled, givenAxes, type InputSource, recordedInputs } from '../inputs/recorded-inputs.ts';
import { measuredPlan } from './measured-plan.ts';
import { randomArrays } from './random-inputs.ts';

export interface DoctorOptions extends InputSource {
  /** τ to judge; by default the largest within the default objective. */
  readonly threshold?: number | undefined;
  /** Rows per request; 1 and 16 by default. */
  readonly batches?: readonly number[] | undefined;
  readonly scheme?: SiteScheme | undefined;
  readonly kernels?: KernelChoice | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface DoctorSite {
  readonly name: string;
  readonly op: string;
  /** Share of activations that are zero without any pruning; null: it had no finite one. */
  readonly zeroRatio: number | null;
  /** Share of the nonzero ones below the threshold; null without a threshold. */
  readonly sparsity: number | null;
  /** `sparse`: layers skip its zeros. `mask`: it is gated beside them. `none`: it is better left alone here. */
  readonly decision: 'sparse' | 'mask' | 'none';
  readonly why: string;
}

/** Why a threshold was judged: it was given, or what `judgedThreshold` says. */
export type Judged = 'given' | JudgedThreshold['judged'];

/** The result of `taustat doctor`; as JSON it is the command's contract. Times are milliseconds of one run. */
export interface Diagnosis {
  readonly model: string;
  readonly inputs: 'recorded' | 'random';
  /** What was judged; 0: exact zeros only. */
  readonly threshold: number;
  readonly judged: Judged;
  readonly sites: readonly DoctorSite[];
  /** At the first of the batches. */
  readonly plain: { readonly p50: number | null };
  readonly planned: { readonly p50: number | null };
  /** Time of the plain model over time as it would be served. */
  readonly speedup: Speedup;
  readonly batches: readonly BucketPlan[];
  readonly layers: readonly {
    readonly name: string;
    readonly op: string;
    readonly isSparse: boolean;
    readonly reason?: string;
  }[];
  /** The kernels, or why there are none. */
  readonly kernels: string;
  /** What to do, in a sentence. */
  readonly advice: string;
}

/** Rows that are looked at. */
const ROWS = 512;

/**
 * What pruning would gain for a model on this machine, before it is served: sites, zeros, sparsity at a threshold, and the time of whole runs, plain and with layers that skip zeros.
 *
 * @throws ServingError FILE_NOT_FOUND, MODEL_INVALID, INVALID_REQUEST
 */
export async function doctor(options: DoctorOptions = {}): Promise<Diagnosis> {
  const { scheme = DEFAULT_SCHEME, batches = [1, 16], kernels: choice = 'auto', onProgress } = options;
  const loaded = await loadModel(options.model ?? bundledModel('model.onnx'), { scheme });
  const specs = loaded.signature.inputs;
  const isRandom = options.inputs === undefined && !areBundled(options);
  const { batchAxes, state, sequence } = options;
  const source = isRandom ? { ...options, inputs: randomOf(specs, options) } : options;
  const analysis = await analyze({
    model: options.model,
    inputs: source.inputs,
    batchAxes,
    state,
    sequence,
    limit: ROWS,
    sites: { scheme },
    sparsityAt: options.threshold ?? 'within',
    onProgress,
  });
  const { threshold, judged } =
    options.threshold === undefined
      ? judgedThreshold(analysis)
      : ({ threshold: options.threshold, judged: 'given' } as const);
  const kernels = await findKernels(choice);
  const rows = await recordedInputs(loaded.signature, source);
  const plan: Plan =
    typeof kernels === 'object'
      ? { kind: 'impossible', reason: kernels.reason, layers: [] }
      : await measuredPlan({ loaded, sites: { scheme }, kernels, rows, threshold, batches });
  const buckets = plan.kind === 'measured' ? plan.buckets : [];
  const [first] = buckets;
  return {
    model: analysis.model,
    inputs: isRandom ? 'random' : 'recorded',
    threshold,
    judged,
    sites: analysis.sites.map(({ name, op, zeroRatio, sparsity = null }, i) => ({
      name,
      op,
      zeroRatio,
      sparsity,
      ...decisionOn(plan, i),
    })),
    plain: { p50: first?.plainMs ?? null },
    planned: { p50: first === undefined ? null : first.pays ? first.sparseMs : first.plainMs },
    speedup: first?.pays ? first.speedup : PLAIN,
    batches: buckets,
    layers: plan.kind === 'measured' ? plan.layers : [],
    kernels: typeof kernels === 'object' ? `none: ${kernels.reason}` : kernels,
    advice: adviceOn(plan, loaded.sites.length),
  };
}

/** Random arrays for all inputs but recurrent state, which begins at zero. */
function randomOf(specs: readonly TensorSpec[], { state = [], batchAxes }: DoctorOptions) {
  const free = specs.filter(({ name }) => !state.some((link) => link.startsWith(`${name}=`)));
  return randomArrays(free, ROWS, givenAxes(free, { batchAxes }));
}

function decisionOn(plan: Plan, site: number): Pick<DoctorSite, 'decision' | 'why'> {
  if (plan.kind !== 'measured')
    return { decision: 'none', why: plan.kind === 'impossible' ? plan.reason : 'not measured' };
  if (!plan.buckets.some(({ pays }) => pays)) return { decision: 'none', why: 'the plain model is as fast' };
  switch (plan.gatedBy[site]) {
    case 'maker':
      return { decision: 'sparse', why: 'compared where it is made; what reads it skips zeros' };
    case 'readers':
      return { decision: 'sparse', why: 'every layer that reads it skips zeros' };
    case 'mask':
      return { decision: 'mask', why: 'something that reads it does not skip zeros' };
    default:
      return {
        decision: 'none',
        why: 'pruning it saves no time: nothing that is faster here skips its zeros',
      };
  }
}

function adviceOn(plan: Plan, sites: number): string {
  if (sites === 0) return 'nothing in this model can be pruned: serve it with --mode off';
  if (plan.kind === 'impossible') return `serve it plain: ${plan.reason}`;
  const pays = plan.kind === 'measured' && plan.buckets.some((bucket) => bucket.pays);
  return pays
    ? 'serve it: by default (runtime.gates: auto) it finds its threshold on live traffic'
    : 'serve it plain here: pruning saves no time; with runtime.gates: auto taustat goes on looking';
}

/** @throws ServingError INVALID_REQUEST for a size that is no whole number from 1. */
export function checkedBatches(sizes: readonly number[]): readonly number[] {
  const wrong = sizes.find((size) => !Number.isInteger(size) || size < 1);
  if (wrong !== undefined || sizes.length === 0)
    throw new ServingError('INVALID_REQUEST', `batch ${wrong}: expected whole numbers from 1`);
  return sizes;
}
