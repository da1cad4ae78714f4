// Files that harm, damage and chance make: a clear error or a right result, in little time and memory.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { philox } from '../data/philox.ts';
import { HrposeError } from '../errors.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { readWeightFile } from '../train/weightFile.ts';
import { bytes, tensorPickle, torchLegacy, torchZip, u64 } from './craft.testing.ts';
import { type Golden, golden } from './golden.testing.ts';
import { hostileFiles } from './hostile.testing.ts';
import { joinBytes } from './joinBytes.ts';
import { dtypeBytes, type Tensor } from './tensor.ts';
import { layoutWeights, parseWeights } from './weights.ts';

const folder = temporaryFolder();

test('there are at least 25 files made to do harm', () => assert.ok(hostileFiles.length >= 25));

for (const { name, file, says } of hostileFiles) {
  test(`refused within a second and 64 MB: ${name}`, () => {
    const path = join(folder, 'hostile');
    writeFileSync(path, file());
    const before = process.memoryUsage.rss();
    const peakBefore = process.resourceUsage().maxRSS;
    const start = performance.now();
    assert.throws(
      () => readWeightFile(path),
      (error: unknown) => {
        assert.ok(error instanceof HrposeError, String((error as Error).stack));
        assert.equal(error.exitCode, 3);
        assert.ok(error.message.startsWith(path), error.message);
        assert.match(error.message, says);
        assert.ok(error.message.length < 700, 'short enough to read');
        return true;
      },
    );
    assert.ok(performance.now() - start < 1000, `${performance.now() - start} ms`);
    // A peak below that of an earlier test cannot be told from it.
    const peak = process.resourceUsage().maxRSS;
    const grown = (peak === peakBefore ? 0 : 1024 * peak - before) / 1e6;
    assert.ok(grown < 64, `${grown} MB`);
    assert.equal(({} as Record<string, unknown>).w, undefined, 'no prototype was touched');
  });
}

/** Small valid files of every format. */
function validFiles(): Uint8Array[] {
  const data = new Uint8Array(24).map((_, i) => i);
  const tensors = new Map<string, Tensor>([
    ['conv.weight', { dtype: 'F32', shape: [2, 3], data }],
    ['bn.bias', { dtype: 'F16', shape: [2], data: data.subarray(0, 4) }],
  ]);
  const written = (['safetensors', 'torch-zip', 'paddle'] as const).map((format) =>
    joinBytes(layoutWeights(tensors, format)),
  );
  const crafted = { elements: 4, size: [2, 2], stride: [2, 1] };
  const storages = bytes(u64(4n), new Uint8Array(16));
  const legacy = torchLegacy({ value: tensorPickle(crafted, true), storages });
  const files = ['torchZip', 'torchLegacy', 'paddle2', 'paddle4', 'paddle5', 'slices', 'pdopt'];
  return [
    ...written,
    torchZip(tensorPickle(crafted)),
    legacy,
    ...files.map((name) => golden(name as Golden)),
  ];
}

/** Reads what may be damaged; true where it could be read. Anything but an HrposeError is a bug. */
function survives(file: Uint8Array, what: () => string): boolean {
  try {
    for (const { shape, dtype, data } of parseWeights(file, 'fuzz').tensors.values())
      assert.equal(data.length, shape.reduce((a, b) => a * b, 1) * dtypeBytes[dtype]);
    return true;
  } catch (error) {
    if (error instanceof HrposeError && error.exitCode === 3) return false;
    assert.fail(`${what()} (${Buffer.from(file).toString('hex')}): ${(error as Error).stack}`);
  }
}

test('a file that is cut anywhere is refused', () => {
  for (const [n, file] of validFiles().entries()) {
    assert.ok(
      survives(file, () => `file ${n}`),
      `file ${n} is valid`,
    );
    for (let length = 0; length < file.length; length++)
      assert.ok(
        !survives(file.subarray(0, length), () => `file ${n}`),
        `file ${n}, ${length} bytes`,
      );
  }
});

const allowed =
  '.(012NKMJIGXTUBCLPS]})atlsuceRbQqrhjpgVd\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x93\x94\x95\x96';
const opcodes = Uint8Array.from(allowed, (char) => char.charCodeAt(0));

test('300,000 damaged and made-up files give a result or one clear error', () => {
  const rng = philox(11, 0, 0, 'fuzz');
  const valid = validFiles();
  const stateDict = tensorPickle({ elements: 4, size: [2, 2], stride: [2, 1] });
  const made = () => {
    const file = Uint8Array.from({ length: 2 + rng.integer(40) }, () =>
      rng.integer(3) > 0 ? opcodes[rng.integer(opcodes.length)]! : rng.integer(256),
    );
    file[0] = 0x80;
    file[1] = rng.integer(6);
    return file;
  };
  const damage = (whole: Uint8Array) => {
    const file = whole.slice();
    for (let change = rng.integer(4); change >= 0; change--)
      file[rng.integer(file.length)] = rng.integer(2) ? rng.integer(256) : 255;
    return rng.integer(8) === 0 ? file.subarray(0, rng.integer(file.length + 1)) : file;
  };
  const kinds = [
    made,
    () => damage(valid[rng.integer(valid.length)]!),
    // With the checksum of the damaged pickle, so that it is read.
    () => torchZip(damage(stateDict)),
  ];
  let read = 0;
  for (let i = 0; i < 300_000; i++)
    if (survives(kinds[i % kinds.length]!(), () => `input ${i}`)) read++;
  assert.ok(read > 1000, `${read} of them could be read`);
});
