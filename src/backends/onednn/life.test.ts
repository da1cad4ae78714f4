import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { floatGraph } from '../../models/golden.testing.ts';
import { tinyConfig, tinyTraining } from '../../models/tinyTraining.testing.ts';
import { loadFfi, type NativeMemory } from './ffi.ts';
import { createDnnlBackend } from './index.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Resident memory in MB, without what waits to be collected. */
function residentMegabytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage.rss() / 1e6;
}

/** Counts what oneDNN and the allocator give out and take back, by the name of the handle. */
function countHandles() {
  const ffi = loadFfi() as {
    -readonly [K in keyof ReturnType<typeof loadFfi>]: ReturnType<typeof loadFfi>[K];
  };
  const live = new Map<string, number>();
  const count = (kind: string, by: number) => live.set(kind, (live.get(kind) ?? 0) + by);
  for (const [name, call] of Object.entries(ffi.c)) {
    const found = /^dnnl_(?:reorder_)?(\w+)_(create|destroy)$/.exec(name);
    if (!found) continue;
    (ffi.c as Record<string, typeof call>)[name] = (...args) => {
      const status = call(...args);
      if (status === 0) count(found[1]!, found[2] === 'create' ? 1 : -1);
      return status;
    };
  }
  const { allocate } = ffi;
  ffi.allocate = (bytes): NativeMemory => {
    const memory = allocate(bytes);
    count('native memory', 1);
    const free = () => {
      count('native memory', -1);
      memory.free();
    };
    return { ...memory, free };
  };
  return () => Object.fromEntries([...live].filter(([, n]) => n !== 0));
}

const live = countHandles();

test('every handle and every piece of native memory is given back', async () => {
  const backend = createDnnlBackend();
  const training = tinyTraining(backend);
  await training.step(1e-5);
  assert.ok(live().primitive! > 100);
  training.close();
  assert.deepEqual(live(), { engine: 1, stream: 1 });
  backend.close();
  assert.deepEqual(live(), {});
});

test('200 steps leave the memory as it is', async () => {
  const backend = createDnnlBackend({ threads: 1 });
  const training = tinyTraining(backend, { batch: 1, side: 32 });
  for (let i = 0; i < 40; i++) await training.step(1e-5);
  const before = residentMegabytes();
  for (let i = 0; i < 200; i++) await training.step(1e-5);
  const after = residentMegabytes();
  assert.ok(after < 1.02 * before, `from ${before} MB to ${after} MB`);
  training.close();
  backend.close();
});

test('20 programs made and closed leave the memory as it is', async () => {
  const backend = createDnnlBackend({ threads: 1 });
  const size = { batch: 1, width: 128, height: 128 };
  const graph = floatGraph(tinyConfig, { kind: 'inference' }, size);
  const feeds = {
    x: new Float32Array(3 * 128 * 128),
    target: new Float32Array(5 * 32 * 32),
    weight: new Float32Array(5),
  };
  const once = async () => {
    const program = backend.prepare(graph);
    await program.run(feeds);
    program.close();
  };
  for (let i = 0; i < 10; i++) await once();
  const before = residentMegabytes();
  for (let i = 0; i < 20; i++) await once();
  const after = residentMegabytes();
  // Fragments of the C library's heap grow by 0.2 MB a program at first. One program takes 9 MB:
  // twenty that stayed would more than double what there is.
  assert.ok(after < before + 8, `from ${before} MB to ${after} MB`);
  backend.close();
});

test('a process that ran a program on two threads ends well', () => {
  const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const script = `
    import { createDnnlBackend } from ${url('./index.ts')};
    import { createBuilder } from ${url('../../graph/builder.ts')};
    import { relu } from ${url('../../ops/elementwise.ts')};
    const g = createBuilder();
    g.output('y', g.add(relu, [g.feed('x', 'float32', [1, 16, 64, 64])], {})[0]);
    const program = createDnnlBackend({ threads: 2 }).prepare(g.finish());
    await program.run({ x: new Float32Array(16 * 64 * 64) });
  `;
  const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
  const { status, stderr, signal } = spawnSync(process.execPath, args, {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    // Threads that spin are the ones that were caught inside of an unloaded library.
    env: { ...process.env, OMP_WAIT_POLICY: 'active' },
    encoding: 'utf8',
  });
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
});
