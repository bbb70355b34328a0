import { defineConfig } from 'vitest/config';
import { testTimeout } from './test/support/patience.ts';

/** One project per kind of test; `test/run.ts` runs them in this order, `npm run check` runs `unit` alone. */
const kinds = ['unit', 'vectors', 'property', 'contract', 'api', 'scenario', 'interop'] as const;

export default defineConfig({
  test: {
    projects: kinds.map((kind) => ({
      test: {
        name: kind,
        include: [`test/${kind}/**/*.test.ts`],
        testTimeout,
        hookTimeout: testTimeout,
        setupFiles: ['test/support/setup.ts'],
      },
    })),
  },
});
