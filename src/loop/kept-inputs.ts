import type { Tensor, TensorElements } from '../protocol/types.ts';

/** A request that was kept, to be run again at any threshold. */
export interface KeptInput {
  /** Its place among all that were ever kept, from 0. */
  readonly number: number;
  readonly inputs: readonly Tensor[];
  /** Every output of the dense model; null: not known yet. */
  readonly dense: readonly Tensor[] | null;
}

/**
 * The latest requests, in order of arrival, within a bound of bytes: the oldest go first. In memory only. A request that came
 * twice is kept twice, since what is promised is about the traffic as it comes.
 */
export class KeptInputs {
  readonly #limit: number;
  #bytes = 0;
  /** Bytes 0: it was discarded. */
  #kept: (KeptInput & { readonly bytes: number })[] = [];
  /** Kept inputs before this index are gone. */
  #head = 0;
  #end: number;
  #isFull = false;

  /**
   * @param limit - bytes of tensors.
   * @param end - number of the first input that will be kept: larger than any that a test has seen before.
   */
  constructor(limit: number, end = 0) {
    this.#limit = limit;
    this.#end = end;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#kept.length - this.#head;
  }

  /** Whether one more pushes out the oldest. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Number of the oldest that is kept; `end` where none is. */
  get begin(): number {
    return this.#end - this.size;
  }

  /** Number that the next one will get. */
  get end(): number {
    return this.#end;
  }

  /** Keeps a copy of a request, unless it is larger than all there may be. O(its bytes). */
  add(inputs: readonly Tensor[], dense: readonly Tensor[] | null): void {
    const bytes = bytesOf(inputs) + bytesOf(dense ?? []);
    if (bytes > this.#limit) return;
    const copies = { inputs: inputs.map(copyOf), dense: dense?.map(copyOf) ?? null };
    this.#kept.push({ number: this.#end++, ...copies, bytes });
    this.#grown(bytes);
  }

  /** The input with a number, or the oldest after it; undefined: none came yet. */
  from(number: number): KeptInput | undefined {
    for (let i = this.#head + Math.max(0, number - this.begin); i < this.#kept.length; i++)
      if (this.#kept[i]!.bytes > 0) return this.#kept[i];
    return undefined;
  }

  /** All kept inputs from a number on, in order of arrival. */
  since(number: number): readonly KeptInput[] {
    const first = this.#head + Math.max(0, number - this.begin);
    return this.#kept.slice(first).filter(({ bytes }) => bytes > 0);
  }

  /** The dense answer to an input, which was not known when it came. */
  answered(input: KeptInput, dense: readonly Tensor[]): void {
    const [kept, index] = this.#find(input);
    if (kept === undefined || kept.dense !== null) return;
    const more = bytesOf(dense);
    this.#kept[index] = { ...kept, dense, bytes: kept.bytes + more };
    this.#grown(more);
  }

  /** Nothing can be said by an input. */
  discard(input: KeptInput): void {
    const [kept, index] = this.#find(input);
    if (kept === undefined) return;
    this.#bytes -= kept.bytes;
    this.#kept[index] = { ...GONE, number: kept.number };
  }

  /** Other traffic: nothing of before says anything of it. Numbers go on. */
  clear(): void {
    this.#kept = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#isFull = false;
  }

  #find({ number }: KeptInput) {
    const index = this.#head + number - this.begin;
    const kept = index < this.#head ? undefined : this.#kept[index];
    return [kept?.bytes === 0 ? undefined : kept, index] as const;
  }

  #grown(bytes: number): void {
    this.#bytes += bytes;
    while (this.#bytes > this.#limit) {
      this.#isFull = true;
      this.#bytes -= this.#kept[this.#head]!.bytes;
      this.#kept[this.#head++] = GONE;
    }
    if (this.#head <= this.#kept.length / 2) return;
    this.#kept = this.#kept.slice(this.#head);
    this.#head = 0;
  }
}

const GONE = { number: -1, inputs: [], dense: null, bytes: 0 } as const;

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { elements }) => sum + bytesOfElements(elements), 0);
}

function bytesOfElements(elements: TensorElements): number {
  if ('byteLength' in elements) return elements.byteLength;
  return elements.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** What came in one body shares its memory, which is not to be kept for the sake of a part of it. */
function copyOf(tensor: Tensor): Tensor {
  const { elements } = tensor;
  return {
    ...tensor,
    elements: 'byteLength' in elements ? elements.slice() : elements.map((e) => e.slice()),
  };
}
