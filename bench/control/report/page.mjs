// @ts-check
/** @type {(results: import('./verdicts.mjs').Results, verdicts: readonly import('./verdicts.mjs').Verdict[]) => void} */
export function writePage() {
  throw new Error('to come');
}
