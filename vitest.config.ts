import { defineConfig } from 'vitest/config';

/** One project per kind of test; `test/run.ts` runs them in this order, `npm run check` runs `unit` alone. */
const kinds = ['unit', 'vectors', 'property', 'contract', 'api', 'scenario', 'interop'] as const;

export default defineConfig({
  test: {
    projects: kinds.map((kind) => ({
      test: {
        name: kind,
        include: [`test/${kind}/**/*.test.ts`],
        testTimeout: kind === 'unit' ? 60_000 : 120_000,
        hookTimeout: 120_000,
        setupFiles: ['test/support/setup.ts'],
      },
    })),
  },
});
