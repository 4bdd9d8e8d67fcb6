import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Tests wait for sockets and processes most of the time: one file more than there are cores keeps these at work. */
const FILES_AT_ONCE = availableParallelism() + 1;
/** Limits are for what hangs. A machine that is busy with other things makes nothing fail. */
const LIMIT_MS = 300_000;

const LONG = 'test/**/*.long.test.ts';
const INTEGRATION = 'test/**/*.integration.test.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: FILES_AT_ONCE,
    testTimeout: LIMIT_MS,
    hookTimeout: LIMIT_MS,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [INTEGRATION, LONG] },
      },
      { extends: true, test: { name: 'integration', include: [INTEGRATION] } },
      // Statistics over many runs: `npm run test:long`.
      { extends: true, test: { name: 'long', include: [LONG] } },
    ],
  },
});
