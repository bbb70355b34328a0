import { defineConfig } from 'vitest/config';
import { testTimeout } from './test/support/patience.ts';

/** One project per kind of test; `test/run.ts` runs them in this order, `npm run check` runs `unit` alone. */
const kinds = ['unit', 'vectors', 'property', 'contract', 'api', 'scenario', 'interop'] as const;
/** Kinds that start the program as an operator does. */
const startsPrograms: ReadonlySet<string> = new Set(['api', 'scenario', 'interop']);

export default defineConfig({
  test: {
    projects: kinds.map((kind) => ({
      test: {
        name: kind,
        include: [`test/${kind}/**/*.test.ts`],
        testTimeout,
        hookTimeout: testTimeout,
        setupFiles: ['test/support/setup.ts'],
        ...(startsPrograms.has(kind) ? { globalSetup: ['test/support/built.ts'] } : {}),
      },
    })),
  },
});
