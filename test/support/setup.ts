import { afterAll } from 'vitest';
import { endLeftovers } from '#test/support/process.ts';

afterAll(() => {
  const leftovers = endLeftovers();
  if (leftovers.length > 0) throw new Error(`processes were left running:\n${leftovers.join('\n')}`);
});
