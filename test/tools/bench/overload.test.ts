import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../../src/tools/bench/open-loop.ts';
import { recoverySeconds, slowestSecond } from '../../../src/tools/bench/overload.ts';

/** One exchange every 10 ms for some seconds. */
function exchanges(seconds: number, of: (sentAtMs: number) => Partial<Exchange>): Exchange[] {
  return Array.from({ length: 100 * seconds }, (_, i) => ({
    sentAtMs: 10 * i,
    ms: 1,
    status: 200,
    ...of(10 * i),
  }));
}

describe('the slowest second', () => {
  it('is that with the largest p99', () => {
    const some = exchanges(4, (at) => ({ ms: at >= 2000 && at < 2050 ? 7 : 1 }));
    expect(slowestSecond(some)).toBe(7);
    expect(slowestSecond(exchanges(4, (at) => ({ ms: at === 2000 ? 7 : 1 })))).toBe(1);
  });
});

describe('the recovery', () => {
  it('comes at once where nothing is refused or slow', () => {
    expect(
      recoverySeconds(
        exchanges(3, () => ({})),
        1,
      ),
    ).toBe(0);
  });

  it('comes after the last refusal', () => {
    const some = exchanges(4, (at) => ({ status: at < 720 ? 503 : 200 }));
    expect(recoverySeconds(some, 1)).toBe(0.75);
  });

  it('comes when no more than one in a hundred is slow', () => {
    const some = exchanges(4, (at) => ({ ms: at < 420 ? 9 : 1 }));
    expect(recoverySeconds(some, 1)).toBe(0.45);
  });

  it('does not come where requests are refused to the end', () => {
    const some = exchanges(4, (at) => ({ status: at % 500 === 0 ? 503 : 200 }));
    expect(recoverySeconds(some, 1)).toBeNull();
  });
});
