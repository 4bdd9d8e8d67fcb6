import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Form } from './case.ts';
import { CASES } from './cases.ts';
import { Lab } from './lab.ts';
import { type Outcome, outcomeKey, report } from './report.ts';

const PAGE = new URL('../../docs/conformance.md', import.meta.url);

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

const outcomes = new Map<string, Outcome>();

for (const { number, title, checks } of CASES) {
  describe(`case ${number}: ${title}`, () => {
    it.each(Object.entries(checks))('%s', async (form, check) => {
      outcomes.set(outcomeKey(number, form as Form), 'failed');
      await check(lab);
      outcomes.set(outcomeKey(number, form as Form), 'passed');
    });
  });
}

describe('the table', () => {
  it('has every case once', () => {
    const all = Array.from({ length: 79 }, (_, i) => i + 1);
    expect(CASES.map(({ number }) => number)).toEqual(all);
  });

  it('is what docs/conformance.md says', () => {
    const page = report(CASES, outcomes);
    if (process.env.UPDATE_CONFORMANCE === '1') writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });
});
