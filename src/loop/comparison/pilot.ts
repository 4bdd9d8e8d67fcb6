import type { Tensor } from '../../protocol/types.ts';
import { floatsOf, isFloat, maskOf, rowsOf } from './answer-rows.ts';
import type { Row } from './row-loss.ts';

/** Elements that are kept of one request, over all outputs: 240 requests take 16 MB. */
const ELEMENTS_PER_REQUEST = 16_384;
/** Rows that are kept of one output of one request. */
const ROWS_PER_REQUEST = 8;

/** Rows of one output, of several requests. */
export interface PilotOutput {
  readonly name: string;
  readonly isFloat: boolean;
  /** Of its shape. */
  readonly rank: number;
  /** Each position of a sequence is a row. */
  readonly isPerPosition: boolean;
  /** Finite dense rows, in the order of the requests. */
  readonly rows: Row[];
  /** Of each row, what the highest candidate answered; where that was asked for. */
  readonly probes: (readonly [dense: Row, pruned: Row])[];
}

/** The first dense answers of a traffic: bounded rows of them, of every output. */
export class Pilot {
  readonly #outputs = new Map<string, PilotOutput>();
  #requests = 0;
  #probes = 0;

  /** Requests that were added. */
  get requests(): number {
    return this.#requests;
  }

  /** Requests of which the answer of the highest candidate is known. */
  get probes(): number {
    return this.#probes;
  }

  get outputs(): readonly PilotOutput[] {
    return [...this.#outputs.values()];
  }

  /**
   * Takes in one request. O(elements kept).
   *
   * @param dense - all outputs of its dense run.
   * @param pruned - the same of a run at the highest candidate; null: there was none.
   */
  add(dense: readonly Tensor[], inputs: readonly Tensor[], pruned: readonly Tensor[] | null = null): void {
    this.#requests++;
    if (pruned !== null) this.#probes++;
    const most = Math.max(1, Math.floor(ELEMENTS_PER_REQUEST / Math.max(1, dense.length)));
    for (const tensor of dense) {
      if (tensor.datatype === 'BYTES') continue;
      const output = this.#outputOf(tensor);
      const other = pruned?.find(({ name }) => name === tensor.name);
      addRows(output, tensor, other, maskOf(tensor, inputs), most);
    }
  }

  #outputOf(tensor: Tensor): PilotOutput {
    const known = this.#outputs.get(tensor.name);
    if (known !== undefined) return known;
    const { name, shape } = tensor;
    const rank = shape.length;
    const output = { name, isFloat: isFloat(tensor), rank, isPerPosition: rank === 3, rows: [], probes: [] };
    this.#outputs.set(name, output);
    return output;
  }
}

function addRows(
  output: PilotOutput,
  dense: Tensor,
  pruned: Tensor | undefined,
  mask: ArrayLike<number> | undefined,
  most: number,
): void {
  const a = floatsOf(dense);
  const b = pruned === undefined ? undefined : floatsOf(pruned);
  const count = dense.shape.length === output.rank ? rowsOf(dense.shape, output.isPerPosition) : 0;
  if (count === 0 || a.length === 0) return;
  const width = a.length / count;
  const kept = Math.max(1, Math.min(ROWS_PER_REQUEST, count, Math.floor(most / width)));
  for (let k = 0; k < kept; k++) {
    const row = Math.floor((k * count) / kept);
    if (output.isPerPosition && mask?.[row] === 0) continue;
    const x = copied(a, row * width, width, most);
    if (!x.every(Number.isFinite)) continue;
    output.rows.push(x);
    if (b?.length === a.length) output.probes.push([x, copied(b, row * width, width, most)]);
  }
}

/** A row, or every so many elements of a long one. */
function copied(values: Row, from: number, width: number, most: number): Row {
  const stride = Math.ceil(width / most);
  if (stride === 1) return values.slice(from, from + width);
  return Float32Array.from({ length: Math.floor(width / stride) }, (_, i) => values[from + i * stride]!);
}
