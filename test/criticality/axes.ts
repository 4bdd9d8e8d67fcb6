import fc from 'fast-check';

/** Increasing positions, from positive steps. */
export const axis = (steps: number[]) => {
  let at = 0;
  return Float64Array.from(steps, (step) => {
    at += step;
    return at;
  });
};
export const steps = fc.array(fc.double({ min: 0.05, max: 3, noNaN: true }), { minLength: 3, maxLength: 30 });
