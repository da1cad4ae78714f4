import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createBuilder } from '../../graph/builder.ts';
import { tinyTraining } from '../../models/tinyTraining.testing.ts';
import { conv2d } from '../../ops/conv2d.ts';
import { add, relu } from '../../ops/elementwise.ts';
import { upsampleNearest } from '../../ops/upsampleNearest.ts';
import { isDeviceLost, isTooLarge } from '../faults.ts';
import { createReferenceBackend } from '../reference/index.ts';
import { bufferUsage, type Gpu } from './device.ts';
import { createGpuBackend } from './index.ts';
import { hasGpuHardware, openNodeGpu } from './nodeDevice.ts';
import { perElement, readWrite } from './wgsl.ts';

const gpu = await openNodeGpu();
after(() => gpu.close());

const size = { batch: 1, side: 32 };

/** y = relu(conv(x, w)) + x. */
function smallGraph(side = 8) {
  const g = createBuilder();
  const x = g.feed('x', 'float32', [1, 4, side, side]);
  const w = g.state('w', 'parameter', [4, 4, 3, 3]);
  const [y] = g.add(conv2d, [x, w], { stride: 1, padding: 1 });
  g.output('y', g.add(add, [g.add(relu, [y!], {})[0]!, x], { relu: false })[0]!);
  return g.finish();
}

const ones = (n: number) => new Float32Array(n).fill(1);

test('steps make no buffers, and close() gives all of them back', async () => {
  const backend = createGpuBackend(gpu);
  const before = gpu.liveBuffers;
  const training = tinyTraining(backend, size);
  await training.step(1e-5);
  const during = gpu.liveBuffers;
  assert.ok(during > before);
  for (let i = 0; i < 3; i++) await training.step(1e-5);
  assert.equal(gpu.liveBuffers, during);
  training.close();
  assert.equal(gpu.liveBuffers, before);
});

test('a run is one submission of what was made before', async (t) => {
  const program = createGpuBackend(gpu).prepare(smallGraph());
  await program.run({ x: ones(256) });
  const { device } = gpu;
  const submit = t.mock.method(device.queue, 'submit');
  const made = [
    t.mock.method(device, 'createBuffer'),
    t.mock.method(device, 'createBindGroup'),
    t.mock.method(device, 'createShaderModule'),
    t.mock.method(device, 'createComputePipelineAsync'),
  ];
  await program.run({ x: ones(256) });
  assert.equal(submit.mock.callCount(), 1);
  for (const { mock } of made) assert.equal(mock.callCount(), 0);
  program.close();
});

test('a training step is one submission, and one way back', async (t) => {
  const training = tinyTraining(createGpuBackend(gpu), size);
  await training.step(1e-5);
  const { queue } = gpu.device;
  const submit = t.mock.method(queue, 'submit');
  await training.step(1e-5);
  assert.equal(submit.mock.callCount(), 1);
  training.close();
});

test('what a run submits was recorded in the one before, while the device computed', async (t) => {
  const program = createGpuBackend(gpu).prepare(smallGraph());
  await program.run({ x: ones(256) });
  const { device } = gpu;
  const submit = t.mock.method(device.queue, 'submit');
  const record = device.createCommandEncoder.bind(device);
  /** Submissions before each recording. */
  const recorded: number[] = [];
  t.mock.method(device, 'createCommandEncoder', (description?: GPUCommandEncoderDescriptor) => {
    recorded.push(submit.mock.callCount());
    return record(description);
  });
  for (let i = 0; i < 3; i++) await program.run({ x: ones(256) });
  assert.deepEqual(recorded, [1, 2, 3]);
  program.close();
});

test('runs in turn are different programs of the same states', async () => {
  const backend = createGpuBackend(gpu);
  const program = backend.prepare(smallGraph());
  const other = backend.prepare(smallGraph());
  const feeds = { x: ones(256) };
  for (const second of [program, other]) {
    const runs = [program, second].map((each) => ({ program: each, feeds }));
    await assert.rejects(backend.runInTurn(runs), /different programs of the same states/);
  }
  assert.deepEqual(await backend.runInTurn([]), []);
  program.close();
  other.close();
});

test('two programs on one device do not disturb each other', async () => {
  const backend = createGpuBackend(gpu);
  const reference = createReferenceBackend();
  const sides = [8, 12];
  const results = async (on: typeof backend) => {
    const programs = sides.map((side) => on.prepare(smallGraph(side)));
    programs.forEach((program, i) => {
      const values = Float32Array.from({ length: 144 }, (_, k) => ((k * (i + 3)) % 11) - 5);
      program.states.write('w', values);
    });
    const runs = await Promise.all(
      programs.map((program, i) =>
        program.run({ x: Float32Array.from({ length: 4 * sides[i]! ** 2 }, (_, k) => k % 7) }),
      ),
    );
    for (const program of programs) program.close();
    return runs.map(({ y }) => y);
  };
  // Whole numbers below 2^24: exact in float32, in any order.
  assert.deepEqual(await results(backend), await results(reference));
});

test('a profile has a time for every dispatch of the program', async () => {
  const program = createGpuBackend(gpu).prepare(smallGraph());
  const rows = await program.profile({ x: ones(256) });
  assert.deepEqual(
    rows.map(({ kind }) => kind),
    ['reorder', 'conv2d', 'relu', 'add', 'reorder'],
  );
  assert.ok(rows.every(({ milliseconds }) => milliseconds >= 0));
  program.close();
});

test('feeds and states are checked', async () => {
  const program = createGpuBackend(gpu).prepare(smallGraph());
  await assert.rejects(program.run({}), { exitCode: 3, message: /expected feed 'x'/ });
  await assert.rejects(program.run({ x: ones(255) }), { exitCode: 3, message: /255 values/ });
  await assert.rejects(program.states.read('v'), { exitCode: 3, message: /no program has/ });
  assert.throws(() => program.states.write('w', ones(3)), { exitCode: 3 });
  // What failed leaves the program usable.
  assert.equal((await program.run({ x: ones(256) })).y!.length, 256);
  program.close();
});

test('a shader that does not compile is named, with the line', async () => {
  const broken = perElement({
    label: 'a broken one',
    bindings: [readWrite('y')],
    count: 4,
    body: '  y[i] = nothing;',
  });
  await assert.rejects(gpu.pipeline(broken), /shader 'a broken one' does not compile: line \d+/);
});

test('a tensor that is too large for the device is refused with its size', () => {
  const most = gpu.limits.maxStorageBufferBindingSize;
  const g = createBuilder();
  const x = g.feed('x', 'float32', [most / 4 + 4]);
  g.output('y', g.add(relu, [x], {}, 'large')[0]!);
  assert.throws(() => createGpuBackend(gpu).prepare(g.finish()), {
    exitCode: 4,
    message: new RegExp(`'large' .*${most + 16} bytes.*binds at most ${most}`),
  });
});

test('memory that the device does not have is told as such', async () => {
  const { value, done } = gpu.checked('a test', () =>
    Array.from({ length: 512 }, (_, i) =>
      gpu.createBuffer(`${i}`, gpu.limits.maxBufferSize, bufferUsage.storage),
    ),
  );
  try {
    await assert.rejects(done, { exitCode: 4, message: /out of memory: a test/ });
  } finally {
    for (const buffer of value) gpu.free(buffer);
  }
});

test('a program that there is no memory for says so before it runs, and gives back what it had', async () => {
  const before = gpu.liveBuffers;
  const g = createBuilder();
  const side = Math.sqrt(gpu.limits.maxStorageBufferBindingSize / 16 / 64);
  const x = g.feed('x', 'float32', [1, 4, Math.floor(side), Math.floor(side)]);
  // All alive at once before the first sum.
  const large = Array.from({ length: 512 }, () => g.add(upsampleNearest, [x], { scale: 8 })[0]!);
  g.output(
    'y',
    large.reduce((sum, y) => g.add(add, [sum, y], { relu: false })[0]!),
  );
  const program = createGpuBackend(gpu).prepare(g.finish());
  await assert.rejects(program.allocated!, (error: Error) => {
    assert.ok(isTooLarge(error), String(error));
    assert.match(
      error.message,
      /^gpu: out of memory: a program of [\d.]+ [kMG]B on .*--recompute.*\.$/,
    );
    return true;
  });
  await assert.rejects(program.run({ x: new Float32Array(4 * Math.floor(side) ** 2) }), isTooLarge);
  program.close();
  assert.equal(gpu.liveBuffers, before);
});

async function withOwnDevice(use: (own: Gpu) => Promise<void>) {
  const own = await openNodeGpu();
  try {
    await use(own);
  } finally {
    own.close();
  }
}

test('a device that is lost in the middle of a run ends it with an error of its own kind', () =>
  withOwnDevice(async (own) => {
    const backend = createGpuBackend(own);
    const training = tinyTraining(backend, size);
    await training.step(1e-5);
    const step = training.step(1e-5);
    own.device.destroy();
    await assert.rejects(step, (error: Error) => {
      assert.ok(isDeviceLost(error), String(error));
      assert.match(error.message, /was lost .*--resume/);
      return true;
    });
    await assert.rejects(training.step(1e-5), isDeviceLost);
    await assert.rejects(training.states.read('conv1.weight'), isDeviceLost);
    training.close();
  }));

test('a lost device is renewed once for all who ask, and one that is there is left alone', async () => {
  const devices: Gpu[] = [];
  const open = async () => {
    devices.push(await openNodeGpu());
    return devices.at(-1)!;
  };
  const backend = createGpuBackend(await open(), { reopen: open });
  try {
    await backend.renew!();
    assert.equal(devices.length, 1);
    devices[0]!.device.destroy();
    await devices[0]!.device.lost;
    await Promise.all([backend.renew!(), backend.renew!()]);
    await backend.renew!();
    assert.equal(devices.length, 2);
    const training = tinyTraining(backend, size);
    await training.step(1e-5);
    training.close();
  } finally {
    backend.close();
  }
});

test('a process ends when its backend is closed', () => {
  const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const script = `
    import { createGpuBackend } from ${url('./index.ts')};
    import { openNodeGpu } from ${url('./nodeDevice.ts')};
    import { createBuilder } from ${url('../../graph/builder.ts')};
    import { relu } from ${url('../../ops/elementwise.ts')};
    const g = createBuilder();
    g.output('y', g.add(relu, [g.feed('x', 'float32', [1, 16, 8, 8])], {})[0]);
    const backend = createGpuBackend(await openNodeGpu());
    const program = backend.prepare(g.finish());
    await program.run({ x: new Float32Array(1024) });
    program.close();
    backend.close();
  `;
  const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
  const { status, signal, stderr } = spawnSync(process.execPath, args, {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
});

const noEmulation = hasGpuHardware() ? 'this machine has a GPU' : false;

test("without a GPU Chromium's emulation is found unasked", { skip: noEmulation }, () => {
  const { VK_ICD_FILENAMES: _, ...env } = process.env;
  const script = `
    import { openNodeGpu } from ${JSON.stringify(new URL('./nodeDevice.ts', import.meta.url).href)};
    const gpu = await openNodeGpu();
    console.log(gpu.adapter.name, gpu.adapter.software);
    gpu.close();`;
  const node = ['--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout, stderr, status } = spawnSync(process.execPath, node, { env, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /swiftshader.* true/i);
});
