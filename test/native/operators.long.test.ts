import fc from 'fast-check';
import { describe, it } from 'vitest';
import { availableKernels } from './opened.ts';
import { checkConv, checkMatMul, convShapes, matMulShapes } from './sparse-law.ts';

const SHAPES = 5000;

describe.each(availableKernels())('kernels %s', (kernels) => {
  it(`convolve ${SHAPES} shapes as ONNX Runtime does`, async () => {
    await fc.assert(
      fc.asyncProperty(convShapes, (shape) => checkConv(kernels, shape)),
      { numRuns: SHAPES },
    );
  });

  it(`multiply ${SHAPES} shapes as ONNX Runtime does`, async () => {
    await fc.assert(
      fc.asyncProperty(matMulShapes, (shape) => checkMatMul(kernels, shape)),
      { numRuns: SHAPES },
    );
  });
});
