import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { checkAuditChain, KeyModel, listKeys } from '#test/support/kms-crash-model.ts';
import { testTimeout } from '#test/support/patience.ts';
import { reached } from '#test/support/reached.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startKms, type Zoneseal } from '#test/support/zoneseal.ts';

/**
 * `ZONESEAL_CRASH_ROUNDS=3000` runs that many rounds however long they take; without it there are as many as fit in
 * the seconds below.
 */
const rounds = Number(process.env['ZONESEAL_CRASH_ROUNDS'] ?? 0);
const seconds = 40;
/** Keys that are worked on at a time, each by a client of its own. */
const clients = 10;

/** Acknowledged calls after which a round kills the service, so that each round works, however slow the machine. */
const callsOfRounds = [40, 0, 10, 20, 5, 60];

const acknowledgedBy = (models: readonly KeyModel[]): number =>
  models.reduce((sum, model) => sum + model.acknowledged, 0);

/** Work until the service dies; whatever else goes wrong is a finding. */
async function workUntilDeath(model: KeyModel, service: Zoneseal, isDying: () => boolean): Promise<void> {
  try {
    await model.work(service);
  } catch (error) {
    if (!isDying() || (error instanceof Error && error.message.includes('answered'))) throw error;
  }
}

test(
  'SIGKILL at any instant loses nothing that was acknowledged',
  async () => {
    using data = makeTempDir();
    const models: KeyModel[] = [];
    const deadline = performance.now() + seconds * 1000;
    let round = 0;
    let wanted = 0;
    for (; rounds > 0 ? round < rounds : performance.now() < deadline; round++) {
      if (rounds > 0 && round % 100 === 0)
        process.stderr.write(`round ${round} of ${rounds}, ${acknowledgedBy(models)} answers so far\n`);
      await using service = await startKms({ data: data.path });
      const listed = await listKeys(service);
      await Promise.all(models.slice(-2 * clients).map((model) => model.check(service, listed)));
      for (let index = 0; index < clients / 2; index++) {
        models.push(new KeyModel(`key-${round}-${'x'.repeat(index % 2)}${index}`, Math.random));
      }
      let isDying = false;
      const working = models.slice(-clients);
      const work = working.map((model) => workUntilDeath(model, service, () => isDying));
      const calls = callsOfRounds[round % callsOfRounds.length] ?? 0;
      wanted += calls;
      await Promise.race([reached(() => acknowledgedBy(working), acknowledgedBy(working) + calls), ...work]);
      await Promise.race([sleep(Math.random() * 10), ...work]);
      isDying = true;
      service.process.signal('SIGKILL');
      await service.process.ended;
      await Promise.all(work);
    }
    await using service = await startKms({ data: data.path });
    const listed = await listKeys(service);
    for (const model of models) {
      await model.check(service, listed);
      await model.checkAudit(service);
    }
    expect(listed.size).toBeLessThanOrEqual(models.length);
    const acknowledged = acknowledgedBy(models);
    expect(acknowledged).toBeGreaterThanOrEqual(wanted);
    expect(await checkAuditChain(service)).toBeGreaterThan(acknowledged);
  },
  testTimeout + rounds * 60_000,
);
