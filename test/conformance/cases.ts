import type { ConformanceCase } from './case.ts';
import { BINARY_CASES } from './cases/binary.ts';
import { DOCUMENT_CASES } from './cases/document.ts';
import { ELEMENT_CASES } from './cases/elements.ts';
import { LIFECYCLE_CASES } from './cases/lifecycle.ts';
import { LOAD_CASES } from './cases/load.ts';
import { METADATA_CASES } from './cases/metadata.ts';
import { REQUEST_CASES } from './cases/request.ts';
import { SHAPE_CASES } from './cases/shapes.ts';
import { TRANSPORT_CASES } from './cases/transport.ts';

/** The whole table, by case number. */
export const CASES: readonly ConformanceCase[] = [
  ...METADATA_CASES,
  ...ELEMENT_CASES,
  ...REQUEST_CASES,
  ...SHAPE_CASES,
  ...DOCUMENT_CASES,
  ...BINARY_CASES,
  ...TRANSPORT_CASES,
  ...LOAD_CASES,
  ...LIFECYCLE_CASES,
].sort((a, b) => a.number - b.number);
