import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Tests wait for sockets and processes most of the time: one file more than there are cores keeps these at work. */
const FILES_AT_ONCE = availableParallelism() + 1;
/** Limits are for what hangs. A machine that is busy with other things makes nothing fail. */
const LIMIT_MS = 300_000;

/** Without a compiler there are no kernels, and everything runs dense: nothing to test there, except in CI, which has one. */
const NATIVE = 'test/native/**';
const hasKernels = existsSync(new URL('dist/native', import.meta.url));
const WITHOUT = hasKernels || process.env.CI !== undefined ? [] : [NATIVE];

const LONG = 'test/**/*.long.test.ts';
const INTEGRATION = 'test/**/*.integration.test.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    globalSetup: 'test/temporary-folder.ts',
    maxWorkers: FILES_AT_ONCE,
    testTimeout: LIMIT_MS,
    hookTimeout: LIMIT_MS,
    projects: [
      // Files share a process and its modules: loading these anew for each took two fifths of the processor's time.
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [INTEGRATION, LONG, ...WITHOUT],
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: 'integration', include: [INTEGRATION], exclude: WITHOUT, isolate: false },
      },
      // Statistics over many runs, and servers that are killed and waited for: `npm run test:long`.
      { extends: true, test: { name: 'long', include: [LONG], exclude: WITHOUT } },
    ],
  },
});
