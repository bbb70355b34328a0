import * as fc from 'fast-check';
import { afterAll } from 'vitest';
import { endLeftovers } from '#test/support/process.ts';

// Property tests play the same cases in every run, so that a failure is never a matter of luck;
// `TEST_SEED=n npm test -- property` plays others.
fc.configureGlobal({ seed: Number(process.env['TEST_SEED'] ?? 1) });

afterAll(() => {
  const leftovers = endLeftovers();
  if (leftovers.length > 0) throw new Error(`processes were left running:\n${leftovers.join('\n')}`);
});
