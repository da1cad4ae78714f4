import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { HrposeError } from '../errors.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { JsonScanner } from './jsonScanner.ts';
import { openSource } from './openInput.ts';

const folder = temporaryFolder();

function scan<T>(text: string | Uint8Array, read: (scanner: JsonScanner) => T): T {
  const file = join(folder, 'case.json');
  writeFileSync(file, text);
  const scanner = new JsonScanner(openSource(file));
  try {
    const value = read(scanner);
    scanner.finish();
    return value;
  } finally {
    scanner.close();
  }
}

/** Builds the whole value, which the scanner itself never does. */
function readValue(scanner: JsonScanner): unknown {
  const first = String.fromCharCode(scanner.peek());
  if (first === '"') return scanner.string();
  if (first === '[') {
    const list: unknown[] = [];
    scanner.array(() => list.push(readValue(scanner)));
    return list;
  }
  if (first === '{') {
    const entries: [string, unknown][] = [];
    scanner.object((key) => entries.push([key, readValue(scanner)]));
    return Object.fromEntries(entries);
  }
  return scanner.number();
}

const leaf = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.string({ unit: 'binary' }),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value;

test('what is read equals what JSON.parse reads, plain and indented', () => {
  fc.assert(
    fc.property(json, fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      assert.deepEqual(scan(text, readValue), JSON.parse(text));
    }),
    { seed: 1, numRuns: 400 },
  );
});

test('numbers are rounded exactly as JSON.parse rounds them', () => {
  const written = fc
    .tuple(fc.bigInt(-(10n ** 18n), 10n ** 18n), fc.integer({ min: 0, max: 9999999 }))
    .map(([whole, rest]) => `${whole}.${rest}`);
  fc.assert(
    fc.property(fc.array(written, { minLength: 1, maxLength: 50 }), (list) => {
      const text = `[${list.join(', ')}]`;
      assert.deepEqual(scan(text, readValue), JSON.parse(text));
    }),
    { seed: 2, numRuns: 200 },
  );
});

test('values larger than the window are skipped, escapes at its border included', () => {
  for (let shift = 0; shift < 4; shift++) {
    const long = ' '.repeat(shift) + '\\"x'.repeat(900_000);
    const text = `{"long": "${long}", "deep": [[1, {"a": "]"}], [2]], "last": 7}`;
    const read = scan(text, (scanner) => {
      let last = 0;
      scanner.object((key) => {
        if (key === 'last') last = scanner.number();
        else scanner.skip();
      });
      return last;
    });
    assert.equal(read, 7);
  }
});

test('a file cut anywhere is one error that names the file and where it ends', () => {
  const text = JSON.stringify(
    { a: [1.5, -2e10, 'text'], b: { c: [true, null] }, d: 'x\n' },
    null,
    1,
  );
  for (let length = 0; length < text.length; length++)
    for (const read of [(s: JsonScanner) => s.skip(), membersSkipped])
      assert.throws(
        () => scan(text.slice(0, length), read),
        (error) =>
          error instanceof HrposeError &&
          error.exitCode === 3 &&
          error.message.includes('case.json: ') &&
          error.message.includes(`byte ${length}`),
        `cut at ${length}`,
      );
});

function membersSkipped(scanner: JsonScanner): void {
  scanner.object(() => scanner.skip());
}

test('malformed JSON is refused', () => {
  const bad = [
    '{,}',
    '{"a" 1}',
    '{"a":1,}',
    '[1,]',
    '[1 2]',
    '[01]',
    '[1.]',
    '[.5]',
    '[--1]',
    '[+1]',
  ];
  for (const text of [
    ...bad,
    '[1e]',
    '["\u0001"]',
    '["\\q"]',
    '[1]]',
    'nul',
    '[tru]',
    '[NaNa]',
    '',
  ])
    assert.throws(() => scan(text, readValue), HrposeError, text);
  assert.throws(() => scan('[[1}]', (s) => s.skip()), HrposeError);
  assert.throws(
    () => scan('['.repeat(300) + ']'.repeat(300), (s) => s.skip()),
    /levels of nesting/,
  );
});

test('random bytes end in an error or a value, never in another exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, skip) => {
      const text = Buffer.concat([Buffer.from('[{"k": '), bytes]);
      try {
        scan(text, skip ? (s) => s.skip() : readValue);
      } catch (error) {
        assert.ok(error instanceof HrposeError, String(error));
      }
    }),
    { seed: 3, numRuns: 1000 },
  );
});

test('numbers that are not finite are handed on to the caller', () => {
  assert.deepEqual(scan('[NaN, -Infinity, 1e999]', readValue), [NaN, -Infinity, Infinity]);
});
