import { expect, test } from 'vitest';
import { parseName } from '#dns/name.ts';
import { ZoneGate } from '#dnssec/http/zone-gate.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';

test('a gate lets in as many as it says, and the next once one has left', () => {
  const gate = new ZoneGate(2);
  const first = gate.enter();
  gate.enter();
  expect(() => gate.enter()).toThrow(
    expect.objectContaining({ code: 'overloaded', details: { retryAfterSeconds: 5 } }),
  );
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  gate.enter();
  expect(() => gate.enter()).toThrow('2 whole zones are being worked on');
});

async function* endless(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('@ 1 SOA a b 1 2 3 4 5\n');
  for (;;) yield Buffer.from('a 1 A 192.0.2.1\n'.repeat(100));
}

test('a zone that never ends is refused once it has too many records', async () => {
  const options = { fileName: 'body', origin: parseName('example.'), maxRecords: 1000 };
  const { records } = await openZone(endless(), 'master', options);
  const read = async () => {
    let count = 0;
    for await (const piece of records) count += piece.length;
    return count;
  };
  await expect(read()).rejects.toThrow('body holds more than 1000 records');
});
