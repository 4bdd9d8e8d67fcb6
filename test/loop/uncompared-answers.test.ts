import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UncomparedAnswers } from '../../src/loop/uncompared-answers.ts';

const LIMIT = { unverifiedRequests: 50, unverifiedMs: 1000 };

describe('UncomparedAnswers', () => {
  it('is too long exactly when both its requests and its time are, counted from its first request', () => {
    const request = fc.record({ after: fc.integer({ min: 0, max: 60 }), isCompared: fc.boolean() });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 300 }), (requests) => {
        const silence = new UncomparedAnswers(LIMIT);
        let now = 5;
        let pending: number[] = [];
        for (const { after, isCompared } of requests) {
          now += after;
          pending.push(now);
          const ms = now - pending[0]!;
          const isLong = pending.length >= LIMIT.unverifiedRequests && ms >= LIMIT.unverifiedMs;
          expect(silence.add(now)).toEqual(isLong ? { requests: pending.length, ms } : null);
          if (isLong) pending = [];
          if (isCompared && after > 57) {
            silence.end();
            pending = [];
          }
        }
      }),
    );
  });

  it('is told of again for as long as it lasts', () => {
    const silence = new UncomparedAnswers(LIMIT);
    const told = Array.from({ length: 1000 }, (_, i) => silence.add(25 * i)).filter((long) => long !== null);
    expect(told.length).toBe(Math.floor(1000 / 50));
  });
});
