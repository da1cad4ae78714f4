// Random annotation files, right and wrong, through the reader that training uses and through the
// checker: the two must agree on what is usable and what it says.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { HrposeError } from '../errors.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import type { AnnotationTable } from './annotationTable.ts';
import { checkAnnotations } from './check/annotations.ts';
import { createProblems } from './check/problems.ts';
import { scanAnnotations } from './coco.ts';
import { openSource } from './openInput.ts';

const folder = temporaryFolder();
const file = join(folder, 'case.json');

const keypointCount = 3;

/** Mostly what belongs there, now and then anything else. */
const mostly = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ arbitrary: right, weight: 60 }, { arbitrary: anything, weight: 1 });
const anything = fc.oneof(
  fc.constantFrom(
    null,
    true,
    '',
    '7',
    -1,
    0,
    1.5,
    1e300,
    [],
    [1],
    Array(12).fill(1),
    [[1, 2], {}],
    { a: [1] },
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

const x = fc.double({ min: -20, max: 120, noNaN: true });
const point = fc.tuple(x, x, fc.constantFrom(0, 1, 2));
const keypoints = fc
  .array(point, { minLength: keypointCount, maxLength: keypointCount })
  .map((points) => points.flat());
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 30 });

const image = fc.record({
  id: mostly(fc.integer({ min: 1, max: 40 })),
  width: mostly(fc.constant(100)),
  height: mostly(fc.constant(80)),
  file_name: mostly(fc.string({ unit: 'grapheme', minLength: 1 })),
  licence: anything,
});
const person = fc.record({
  id: mostly(fc.integer({ min: 1, max: 1000 })),
  image_id: mostly(fc.constantFrom(1, 2, 3)),
  category_id: mostly(fc.constant(1)),
  iscrowd: mostly(fc.constantFrom(0, 0, 0, 1)),
  num_keypoints: mostly(fc.constant(undefined)),
  bbox: mostly(fc.tuple(x, x, fc.nat(60), fc.nat(60))),
  area: mostly(fc.nat(5000)),
  keypoints: mostly(optional(keypoints)),
  segmentation: anything,
});
const images = fc
  .array(image, { maxLength: 4 })
  .map((list) =>
    [1, 2, 3]
      .map((id) => ({ id, width: 90, height: 70, file_name: `${id}` }))
      .concat(list as never),
  );
const content = fc.record({
  info: anything,
  images,
  annotations: fc.array(person, { maxLength: 5 }),
});

/** What training reads; the message where it refuses. */
function read(): AnnotationTable | string {
  try {
    return scanAnnotations(openSource(file), keypointCount);
  } catch (error) {
    assert.ok(error instanceof HrposeError && error.exitCode === 3, (error as Error).stack);
    return error.message;
  }
}

/** What the checker reads; the message where even it gives up. */
function check() {
  const problems = createProblems();
  try {
    const { table } = checkAnnotations(file, keypointCount, problems);
    const errors = problems.list().filter(({ severity }) => severity === 'error');
    return { table, errors: errors.map(({ kind }) => kind) };
  } catch (error) {
    assert.ok(error instanceof HrposeError && error.exitCode === 3, (error as Error).stack);
    return { table: undefined, errors: [error.message] };
  }
}

/** Keypoints may be kept in float32 or float64 by one side and not by the other. */
const plain = (table: AnnotationTable) =>
  Object.fromEntries(
    Object.entries(table).map(([key, value]) => [
      key,
      typeof value === 'number' ? value : Array.from(value as ArrayLike<unknown>),
    ]),
  );

test('a file without errors by the checker is read by training, to the same table', () => {
  let sound = 0;
  let refused = 0;
  fc.assert(
    fc.property(content, fc.constantFrom(0, 1), (value, indent) => {
      writeFileSync(file, JSON.stringify(value, null, indent));
      const training = read();
      const { table, errors } = check();
      if (typeof training === 'string') {
        refused += 1;
        assert.notDeepEqual(errors, [], `training refuses what the checker lets pass: ${training}`);
      } else if (errors.length === 0) {
        sound += 1;
        assert.deepEqual(plain(training), plain(table!));
      }
    }),
    { seed: 21, numRuns: 1500 },
  );
  assert.ok(sound > 200 && refused > 200, `${sound} sound, ${refused} refused`);
});

test('changed, doubled and lost bytes end in a table or in an HrposeError on both sides', () => {
  const change = fc.record({
    at: fc.nat(4000),
    length: fc.nat(30),
    text: fc.oneof(
      fc.constantFrom('', '"', '\\', '[', ']', '{', '}', ',', ':', '-', 'NaN', 'Infinity', '1e999'),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
  });
  let refused = 0;
  fc.assert(
    fc.property(content, fc.array(change, { minLength: 1, maxLength: 3 }), (value, changes) => {
      let text = JSON.stringify(value);
      for (const { at, length, text: other } of changes) {
        const start = at % text.length;
        text = text.slice(0, start) + other + text.slice(start + length);
      }
      writeFileSync(file, text);
      const training = read();
      const { errors } = check();
      if (typeof training !== 'string') return;
      refused += 1;
      assert.notDeepEqual(errors, [], `training refuses what the checker lets pass: ${training}`);
    }),
    { seed: 22, numRuns: 1500 },
  );
  assert.ok(refused > 500, `${refused} were refused`);
});
