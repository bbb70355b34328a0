import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocateBytes, isPooled } from '#lib/bytes.ts';
import { joinPacked, pack, Packer, releasePacked, runOf, slicePacked } from '#lib/packed.ts';

const runs = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 60 });

test('a packer packs what is written into its runs', () => {
  fc.assert(
    fc.property(runs, (all) => {
      const packer = new Packer();
      for (const run of all) {
        const start = packer.open(run.length);
        packer.bytes.set(run, start);
      }
      expect(packer.packed()).toEqual(pack(all));
    }),
  );
});

test('a packer hands over what was added to it, whatever room it had at first, and is empty then', () => {
  fc.assert(
    fc.property(runs, fc.nat(2000), fc.nat(60), (all, octets, count) => {
      const packer = new Packer(octets, count);
      for (const run of all) packer.add(run);
      const packed = packer.take();
      expect(packed).toEqual(pack(all));
      packer.add(Uint8Array.of(1));
      expect([packer.take(), packed]).toEqual([pack([Uint8Array.of(1)]), pack(all)]);
    }),
  );
});

test('a packer that needs more room leaves nothing behind in the old one', () => {
  const packer = new Packer(4, 1);
  packer.add(Uint8Array.of(1, 2, 3, 4));
  const { bytes: first } = packer;
  packer.add(Uint8Array.of(5));
  expect([...first]).toEqual([0, 0, 0, 0]);
  expect(packer.packed()).toEqual(pack([Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5)]));
});

test('runs are cut out and joined again as they were', () => {
  fc.assert(
    fc.property(runs, fc.nat(60), (all, at) => {
      const packed = pack(all);
      const middle = Math.min(at, all.length);
      const parts = [slicePacked(packed, 0, middle), slicePacked(packed, middle, all.length)];
      expect(joinPacked(parts)).toEqual(packed);
      expect(Array.from(packed.ends, (_, index) => runOf(packed, index))).toEqual(all);
    }),
  );
});

test('what is released is empty', () => {
  const packed = pack([Uint8Array.of(1, 2), Uint8Array.of(3)]);
  releasePacked([packed]);
  expect([packed.bytes.length, packed.ends.length, packed.bytes.buffer.detached]).toEqual([0, 0, true]);
});

test('what may share its buffer with others is told', () => {
  expect(
    [Buffer.concat([Buffer.alloc(100)]), allocateBytes(4000), Buffer.concat([Buffer.alloc(2 * Buffer.poolSize)])].map(
      isPooled,
    ),
  ).toEqual([true, true, false]);
});

test('what is cut out has a buffer of its own, also out of a Buffer', () => {
  const packed = { bytes: Buffer.from('onetwo'), ends: Uint32Array.of(3, 6) };
  const { bytes } = slicePacked(packed, 1, 2);
  expect([bytes.length, bytes.buffer.byteLength]).toEqual([3, 3]);
  packed.bytes.fill(0);
  expect(Buffer.from(bytes).toString()).toBe('two');
});
