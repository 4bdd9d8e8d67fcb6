import type { Lab } from './lab.ts';

/** S: the specification says so. T: as Triton does. D: our decision, stricter or clearer than either. */
export type Source = 'S' | 'T' | 'D';

/** How a case is put to the server: tensors as JSON, as binary data, or nothing but HTTP. */
export type Form = 'JSON' | 'binary' | 'HTTP';

export interface ConformanceCase {
  readonly number: number;
  readonly title: string;
  readonly source: Source;
  /** What the server answers, as a sentence. */
  readonly answer: string;
  /** One check per form in which the case can occur. */
  readonly checks: Partial<Readonly<Record<Form, (lab: Lab) => Promise<void>>>>;
}
