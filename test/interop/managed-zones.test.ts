import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Judge, judge } from '#test/support/judges.ts';
import { type OpenService, openService } from '#test/support/open-service.ts';
import { randomNumbers } from '#test/support/random-numbers.ts';
import { describeWith } from '#test/support/requirements.ts';

const judges: readonly Judge[] = ['dnssec-verify', 'ldns-verify-zone', 'kzonecheck'];
const names = ['a', 'b', 'a.b', 'x.y.z', '*', '*.b', 'sub', 'www.sub', 'ns.sub', 'b.sub', 'deep.a.b.c'];
const contents: Readonly<Record<string, readonly string[]>> = {
  A: ['192.0.2.1', '192.0.2.2'],
  TXT: ['one', 'two'],
  MX: ['10 mail.example.net'],
  NS: ['ns.example.net'],
  DS: [`1 13 2 ${'00'.repeat(32)}`],
};

describeWith(judges, 'managed zones through random changes', () => {
  let opened: OpenService;
  beforeAll(async () => {
    opened = await openService();
  });
  afterAll(async () => {
    await opened[Symbol.asyncDispose]();
  });

  const call = (method: string, path: string, body?: object) => opened.callDns(method, path, body);

  test.each([
    ['nsec', false, 1],
    ['nsec3', false, 2],
    ['nsec3', true, 3],
    ['nsec', false, 4],
    ['nsec3', true, 5],
  ])('every version is accepted by all judges: %s, opt-out %s, seed %i', async (denial, optOut, seed) => {
    const zone = `random-${seed}.example`;
    const numbers = randomNumbers(seed);
    const random = () => numbers() / 2 ** 32;
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value;
    await call('POST', '/zones', { zoneName: zone });
    await call('PUT', `/zones/${zone}/dnssec`, { region: 'nl-01', policy: { denial, optOut } });
    let accepted = 0;
    for (let step = 0; step < 16; step++) {
      const changes = new Map<string, object>();
      for (let count = 0; count < 1 + Math.floor(random() * 4); count++) {
        const type = pick(Object.keys(contents));
        const name = type === 'DS' ? 'sub' : pick(names);
        if (type === 'DS') changes.set('sub NS', { action: 'put', name, type: 'NS', values: contents['NS'] });
        changes.set(`${name} ${type}`, { action: 'put', name, type, values: [pick(contents[type] ?? [])] });
      }
      if (step % 3 === 2) {
        const { body } = await call('GET', `/zones/${zone}/records`);
        for (const record of body as unknown as readonly { name: string; type: string }[]) {
          const row = `${record.name} ${record.type}`;
          if (random() < 0.5) changes.set(row, { action: 'delete', name: record.name, type: record.type });
        }
      }
      const { status } = await call('POST', `/zones/${zone}/changes`, { changes: [...changes.values()] });
      if (status === 422) continue; // such as a DS without NS: the zone stays as it was
      expect(status).toBe(200);
      accepted += 1;
      const { body } = await call('GET', `/zones/${zone}/export?signed=true`);
      const signed = { origin: `${zone}.`, text: body['zoneFile'] ?? '' };
      const verdicts = await Promise.all(judges.map((name) => judge(name, signed)));
      expect(
        verdicts.filter((verdict) => !verdict.accepted).map(({ judge: by, output }) => `${by}: ${output}`),
      ).toEqual([]);
    }
    expect(accepted).toBeGreaterThan(6);
  });
});
