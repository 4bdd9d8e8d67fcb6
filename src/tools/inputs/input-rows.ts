import type { Tensor, TensorSpec } from '../../protocol/types.ts';
import { type BatchAxes, batchAxes } from './batch-axis.ts';
import {
  batchedColumn,
  type Column,
  checkDatatype,
  mismatch,
  product,
  sharedColumn,
  stateColumn,
} from './columns.ts';
import type { ModelState } from './model-state.ts';
import type { NpyArray } from './npy.ts';

/** How many rows one run takes, where that is not free. */
export type RunSize =
  | { readonly kind: 'fixed'; readonly rows: number }
  /** Each request is one run; `ends`: the row after its last one, increasing. */
  | { readonly kind: 'requests'; readonly ends: readonly number[] };

/** Recorded inputs of a model. */
export interface InputRows {
  readonly count: number;
  /** Absent: any number of rows may run together. */
  readonly runSize?: RunSize | undefined;
  readonly state?: ModelState | undefined;
  /**
   * The inputs of a run of rows [from, to), in the model's own datatypes; recurrent state has its initial value. Of recorded
   * requests: the whole request that holds row `from`.
   */
  readonly batch: (from: number, to: number) => Tensor[];
}

/** What the arrays alone do not determine. */
export interface InputLayout {
  /** Axis along which rows are stacked, by input name; see `batchAxes` for the default. */
  readonly batchAxes?: ReadonlyMap<string, number> | undefined;
  readonly state?: ModelState | undefined;
}

/** Arrays by input name. */
export type Arrays = ReadonlyMap<string, NpyArray>;

/** What was recorded: arrays that hold all runs, or a list of requests, each with the inputs of one run. */
export type Recording = Arrays | readonly Arrays[];

/**
 * Fits recorded arrays to a model's inputs: values are cast to the input's datatype, never scaled.
 *
 * An array of an input's rank holds rows along the batch axis, or the value for every run where the input has no rows. An
 * array with one axis more holds whole inputs of single runs along its first axis. State that is missing begins at zero.
 *
 * @throws ServingError INVALID_REQUEST for a missing or unknown input, another shape, or numbers of rows that differ.
 */
export function inputRows(
  specs: readonly TensorSpec[],
  recorded: Recording,
  { batchAxes: given = new Map(), state }: InputLayout = {},
): InputRows {
  const axes = batchAxes(specs, given);
  if (isRequests(recorded)) return requestRows(specs, recorded, axes, state);
  refuseUnknown(specs, recorded);
  const isStacked = ({ name, shape }: TensorSpec) =>
    state?.links.has(name) !== true && recorded.get(name)?.shape.length === shape.length + 1;
  if (specs.some(isStacked))
    return requestRows(specs, unstacked(specs.filter(isStacked), recorded), axes, state);
  return arrayRows(specs, recorded, axes, state);
}

function isRequests(recorded: Recording): recorded is readonly Arrays[] {
  return Array.isArray(recorded);
}

function refuseUnknown(specs: readonly TensorSpec[], arrays: Arrays): void {
  for (const name of arrays.keys()) {
    if (!specs.some((spec) => spec.name === name))
      throw mismatch(`the model has no input '${name}', only ${names(specs)}`);
  }
}

function arrayRows(
  specs: readonly TensorSpec[],
  arrays: Arrays,
  axes: BatchAxes,
  state: ModelState | undefined,
): InputRows {
  const isFed = ({ name }: TensorSpec) => state?.links.has(name) === true;
  const axisOf = ({ name }: TensorSpec) => axes.get(name) ?? null;
  const open = specs.find((spec) => !isFed(spec) && spec.shape[axisOf(spec) ?? -1] === -1);
  const openRows = open === undefined ? undefined : arrays.get(open.name)?.shape[axisOf(open)!];
  const columns = specs.map((spec) => {
    const array = arrays.get(spec.name);
    const axis = axisOf(spec);
    if (isFed(spec)) return stateColumn(spec, array, axis);
    checkDatatype(spec);
    if (array === undefined) throw mismatch(missing(spec));
    const isShared = axis === null || isSharedByAll(spec, array, openRows);
    return isShared ? sharedColumn(spec, array) : batchedColumn(spec, array, axis);
  });
  const batched = columns.filter(({ rows }) => rows !== null);
  const count = batched[0]?.rows ?? 1;
  for (const { rows, spec } of batched) {
    if (rows !== count)
      throw mismatch(`input '${spec.name}' has ${rows} rows, '${batched[0]!.spec.name}' has ${count}`);
  }
  const sizes = batched.map(({ spec }) => ({ spec, size: spec.shape[axisOf(spec)!]! }));
  return {
    count,
    runSize: runSizeOf(sizes, state !== undefined || batched.some(({ spec }) => axisOf(spec) !== 0)),
    state,
    batch: (from, to) => columns.map((column) => column.slice(from, to)),
  };
}

/** @param isSingle - rows must run alone, unless the model takes another number. */
function runSizeOf(
  sizes: readonly { readonly spec: TensorSpec; readonly size: number }[],
  isSingle: boolean,
): RunSize | undefined {
  const fixed = sizes.filter(({ size }) => size > 0);
  const [first] = fixed;
  if (first === undefined) return isSingle ? { kind: 'fixed', rows: 1 } : undefined;
  const other = fixed.find(({ size }) => size !== first.size);
  if (other !== undefined)
    throw mismatch(
      `input '${first.spec.name}' takes ${first.size} rows, '${other.spec.name}' ${other.size}: give their batch axes`,
    );
  return { kind: 'fixed', rows: first.size };
}

/** Whether an array of fixed shape is one value for all runs: it has other rows than the inputs of variable shape. */
function isSharedByAll({ shape }: TensorSpec, array: NpyArray, openRows: number | undefined): boolean {
  return (
    openRows !== undefined &&
    openRows !== shape[0] &&
    shape.length === array.shape.length &&
    shape.every((size, axis) => size === array.shape[axis])
  );
}

/** Arrays with whole inputs along their first axis, as requests. Arrays of an input's own rank are in each of them. */
function unstacked(stacked: readonly TensorSpec[], arrays: Arrays): readonly Arrays[] {
  const [first] = stacked;
  const { shape } = arrays.get(first!.name)!;
  for (const { name } of stacked) {
    const runs = arrays.get(name)!.shape[0];
    if (runs !== shape[0])
      throw mismatch(`input '${name}' has ${runs} runs, '${first!.name}' has ${shape[0]}`);
  }
  const isStacked = (name: string) => stacked.some((spec) => spec.name === name);
  return Array.from(
    { length: shape[0]! },
    (_, i) =>
      new Map([...arrays].map(([name, array]) => [name, isStacked(name) ? entryOf(array, i) : array])),
  );
}

function entryOf({ path, dtype, shape: [, ...shape], elements }: NpyArray, i: number): NpyArray {
  const width = product(shape);
  const part = (elements as Float64Array).slice(i * width, (i + 1) * width);
  return { path, dtype, shape, elements: part };
}

function requestRows(
  specs: readonly TensorSpec[],
  requests: readonly Arrays[],
  axes: BatchAxes,
  state: ModelState | undefined,
): InputRows {
  const columns = requests.map((arrays) => {
    refuseUnknown(specs, arrays);
    return specs.map((spec) => {
      const array = arrays.get(spec.name);
      if (state?.links.has(spec.name)) return stateColumn(spec, array, axes.get(spec.name) ?? null);
      checkDatatype(spec);
      if (array === undefined) throw mismatch(missing(spec));
      return sharedColumn(spec, array);
    });
  });
  const batched = specs.filter(({ name }) => axes.get(name) !== null && state?.links.has(name) !== true);
  const [first] = batched;
  const isByRow = first !== undefined && batched.every(({ name }) => axes.get(name) === 0);
  const rows = requests.map((arrays) => (isByRow ? arrays.get(first.name)!.shape[0]! : 1));
  let count = 0;
  const runs: { readonly columns: readonly Column[]; readonly rows: number; readonly end: number }[] = [];
  for (const [i, own] of columns.entries()) {
    if (rows[i] === 0) continue;
    count += rows[i]!;
    runs.push({ columns: own, rows: rows[i]!, end: count });
  }
  return {
    count,
    runSize: { kind: 'requests', ends: runs.map(({ end }) => end) },
    state,
    batch: (from) => {
      const run = runs[firstAfter(runs, from)]!;
      return run.columns.map((column) => column.slice(0, run.rows));
    },
  };
}

/** Index of the first run that ends after a row, by bisection. */
function firstAfter(runs: readonly { readonly end: number }[], row: number): number {
  let [low, high] = [0, runs.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[middle]!.end > row) high = middle;
    else low = middle + 1;
  }
  return low;
}

function missing({ name }: TensorSpec): string {
  return `input '${name}' is missing: give --inputs ${name}=x.npy, or --state ${name}=OUTPUT where an output of the previous run feeds it`;
}

function names(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `'${spec.name}'`).join(', ');
}
