// Zip files as PyTorch writes them: read, written, and the checksum of both.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { crc32 } from './crc32.ts';
import { joinBytes } from './joinBytes.ts';
import { readStoredZip } from './zipStored.ts';
import { layoutStoredZip } from './zipWrite.ts';

test('the checksum is that of zlib, in one piece or in several', () => {
  // The end of a gzip file holds the CRC-32 of what was packed.
  const expected = (data: Uint8Array) => gzipSync(data).readUInt32LE(gzipSync(data).length - 8);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (data, cut) => {
      assert.equal(crc32(data), expected(data));
      assert.equal(crc32(data.subarray(cut), crc32(data.subarray(0, cut))), expected(data));
    }),
    { seed: 3, numRuns: 200 },
  );
});

test('contents are written at multiples of 64 bytes and read back in order', () => {
  const members = Array.from({ length: 40 }, (_, n) => ({
    name: `archive/data/${n}`,
    pieces: [new Uint8Array(n).fill(n), new Uint8Array(3).fill(n)],
  }));
  const file = joinBytes(layoutStoredZip(members, 64));
  const { names, read } = readStoredZip(file, 'test');
  assert.deepEqual(
    names,
    members.map(({ name }) => name),
  );
  for (const { name, pieces } of members) {
    const data = read(name)!;
    assert.deepEqual(data, joinBytes(pieces));
    assert.equal((data.byteOffset - file.byteOffset) % 64, 0);
    assert.equal(data.buffer, file.buffer, 'a view, no copy');
  }
  assert.equal(read('archive/data/40'), undefined);
});

test('more members than 16 bits can count are written with a 64-bit end record', () => {
  const members = Array.from({ length: 65_536 }, (_, n) => ({ name: `${n}`, pieces: [] }));
  const { names } = readStoredZip(joinBytes(layoutStoredZip(members, 4)), 'test');
  assert.equal(names.length, 65_536);
});
