import { messageOf } from '../../config/errors.ts';
import { float16ToFloat32 } from '../../estimator/float16.ts';
import { MEASURE_INPUT, THRESHOLD_INPUT } from '../../onnx/names.ts';
import type { Tensor, TensorElements } from '../../protocol/types.ts';
import type { UpstreamClient } from './client.ts';
import { type GatedModel, readUpstreamModel, type UpstreamModel } from './upstream-model.ts';

/**
 * Whether the upstream server still runs the two models that the evidence is about.
 *
 * `doubted`: it may not; answers are dense until it is known. `replaced`: it does not.
 */
export type Standing =
  | { readonly kind: 'trusted' }
  | { readonly kind: 'doubted' | 'replaced'; readonly reason: string };

export interface IdentityOptions {
  readonly client: UpstreamClient;
  readonly model: UpstreamModel;
  readonly generation: number;
  readonly onChange: (standing: Standing) => void;
}

/** A request of production, and its answer. */
export interface Canary {
  readonly inputs: readonly Tensor[];
  /** Thresholds of the sites; undefined: the plain model's answer. */
  readonly thresholds: Float32Array | undefined;
  readonly answer: readonly Tensor[];
}

/** Larger requests are not kept. */
const MAX_CANARY_BYTES = 1 << 20;
/**
 * Largest difference of two answers of one model, relative to the largest value: other batches and devices round otherwise, in
 * half precision by a few thousandths. Another model differs by far more.
 */
const TOLERANCE = 0.02;

/**
 * Recognises the models by what they declare, and by a request of production that is asked again: it must be answered as it was,
 * and by the instrumented model at τ = 0 as by the plain one. The protocol has no other sign of a model that was replaced by one
 * of the same shape.
 */
export class Identity {
  readonly #options: IdentityOptions;
  #standing: Standing = { kind: 'trusted' };
  #canary: Canary | undefined;
  /** Whether both models were compared on the canary. */
  #isCompared = false;

  constructor(options: IdentityOptions) {
    this.#options = options;
  }

  get standing(): Standing {
    return this.#standing;
  }

  get isTrusted(): boolean {
    return this.#standing.kind === 'trusted';
  }

  /** Whether there is a request to recognise the models by, and they were not compared on it yet. */
  get hasUnchecked(): boolean {
    return this.#canary !== undefined && !this.#isCompared;
  }

  doubt(reason: string): void {
    if (this.#standing.kind === 'trusted') this.#set({ kind: 'doubted', reason });
  }

  /** An answered request of production, which may be asked again. Its memory must not change. O(1) once there is one. */
  offer(canary: Canary): void {
    // Without sites nothing depends on which model it is.
    if (this.#canary !== undefined || this.#options.model.sites.length === 0) return;
    const { inputs, answer } = canary;
    const bytes = inputs.reduce((sum, { elements }) => sum + bytesOf(elements), 0);
    const isEmpty = inputs.some(({ elements }) => elements.length === 0);
    if (bytes <= MAX_CANARY_BYTES && !isEmpty && answer.length > 0) this.#canary = canary;
  }

  /** Looks at both models; the standing tells what came of it. What is not known is doubted. */
  async check(signal: AbortSignal): Promise<void> {
    const { client, model, generation } = this.#options;
    if (this.#standing.kind === 'replaced') return;
    try {
      const now = await readUpstreamModel(client, model.names, signal, generation);
      if (now.hash !== model.hash) {
        this.#set({ kind: 'replaced', reason: 'upstream describes another model' });
        return;
      }
      const problem = await this.#compare(signal);
      if (problem === undefined) this.#set({ kind: 'trusted' });
      else this.#set(problem);
    } catch (error) {
      this.doubt(messageOf(error));
    }
  }

  async #compare(signal: AbortSignal): Promise<Standing | undefined> {
    const { client, model } = this.#options;
    const canary = this.#canary;
    if (canary === undefined) return undefined;
    const { inputs, answer } = canary;
    const ask = (outputs: readonly Tensor[] | undefined, thresholds?: Float32Array, gated = model.pruning) =>
      client.infer({
        model: thresholds === undefined ? model.names.name : gated!.name,
        inputs:
          thresholds === undefined ? inputs : [...inputs, thresholdsFor(model, gated!, thresholds, inputs)],
        outputs: (outputs ?? model.metadata.outputs).map(({ name }) => name),
        headers: {},
        signal,
      });
    if (!areAlike(await ask(answer, canary.thresholds), answer))
      return { kind: 'replaced', reason: 'the upstream model answers a request otherwise than before' };
    const plain = await ask(undefined);
    const zeros = new Float32Array(model.sites.length);
    const gatedModels = new Map([model.pruning, model.measuring].map((gated) => [gated?.name, gated]));
    for (const [name, gated] of gatedModels)
      if (!areAlike(await ask(undefined, zeros, gated), plain))
        return {
          kind: 'doubted',
          reason: `at τ = 0, '${name}' does not answer as '${model.names.name}' does`,
        };
    // A dense answer is the same whatever shares its run; at a threshold, rounding may move an activation across it.
    if (!this.#isCompared) this.#canary = { inputs, thresholds: undefined, answer: plain };
    this.#isCompared = true;
    return undefined;
  }

  #set(standing: Standing): void {
    const before = this.#standing;
    this.#standing = standing;
    if (before.kind !== standing.kind) this.#options.onChange(standing);
  }
}

/** The thresholds as an input of the instrumented model. @param thresholds - shape [sites]; the same for all rows. */
export function thresholdsFor(
  { metadata }: UpstreamModel,
  { isPerRow }: GatedModel,
  thresholds: Float32Array,
  inputs: readonly Tensor[],
): Tensor {
  const sites = thresholds.length;
  const head = { name: THRESHOLD_INPUT, datatype: 'FP32' } as const;
  if (!isPerRow) return { ...head, shape: [sites], elements: thresholds };
  const rows = rowsOf(metadata.inputs[0]?.name, inputs);
  if (rows === 1) return { ...head, shape: [1, sites], elements: thresholds };
  const elements = new Float32Array(rows * sites);
  for (let row = 0; row < rows; row++) elements.set(thresholds, row * sites);
  return { ...head, shape: [rows, sites], elements };
}

/** That all rows are measured, as an input of a model that shows histograms. */
export function measureFor(
  { metadata }: UpstreamModel,
  { isPerRow }: GatedModel,
  inputs: readonly Tensor[],
): Tensor {
  const rows = isPerRow ? rowsOf(metadata.inputs[0]?.name, inputs) : 1;
  const elements = new Float32Array(rows).fill(1);
  return { name: MEASURE_INPUT, datatype: 'FP32', shape: [rows, 1], elements };
}

/** Rows of a request: dimension 0 of an input. */
export function rowsOf(name: string | undefined, inputs: readonly Tensor[]): number {
  return inputs.find((input) => input.name === name)?.shape[0] ?? 1;
}

/** Whether two answers are one model's. */
export function areAlike(a: readonly Tensor[], b: readonly Tensor[]): boolean {
  return a.every((one) => {
    const other = b.find(({ name }) => name === one.name);
    return other !== undefined && areAlikeTensors(one, other);
  });
}

function areAlikeTensors(a: Tensor, b: Tensor): boolean {
  if (a.datatype !== b.datatype || a.shape.join() !== b.shape.join()) return false;
  if (a.datatype === 'BYTES' || a.datatype === 'BF16')
    return a.datatype === 'BF16' || areSameStrings(a.elements, b.elements);
  const [x, y] = [numbersOf(a), numbersOf(b)];
  let largest = 0;
  for (let i = 0; i < x.length; i++) if (Number.isFinite(x[i])) largest = Math.max(largest, Math.abs(x[i]!));
  for (let i = 0; i < x.length; i++) {
    const isNear = Math.abs(x[i]! - y[i]!) <= TOLERANCE * largest;
    if (!isNear && !Object.is(x[i], y[i]) && x[i] !== y[i]) return false;
  }
  return true;
}

function areSameStrings(a: TensorElements, b: TensorElements): boolean {
  return (a as readonly Uint8Array[]).every((one, i) => Buffer.compare(one, b[i] as Uint8Array) === 0);
}

function numbersOf({ datatype, elements }: Tensor): ArrayLike<number> {
  if (datatype === 'FP16') return float16ToFloat32(elements as Uint16Array);
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array)
    return Float64Array.from(elements as BigInt64Array, Number);
  return elements as Float32Array;
}

function bytesOf(elements: TensorElements): number {
  if (ArrayBuffer.isView(elements)) return elements.byteLength;
  return (elements as readonly Uint8Array[]).reduce((sum, { byteLength }) => sum + byteLength, 0);
}
