import { setTimeout as sleep } from 'node:timers/promises';
import { patience } from '#test/support/patience.ts';

/** Wait until a count has reached `wanted`. @throws Error when it has not within the time in which it must */
export async function reached(count: () => number, wanted: number): Promise<void> {
  const deadline = performance.now() + patience;
  while (count() < wanted) {
    if (performance.now() > deadline) throw new Error(`${count()} of ${wanted} were reached`);
    await sleep(1);
  }
}
