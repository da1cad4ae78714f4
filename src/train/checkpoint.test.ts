import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { stateAt } from './checkpoint.testing.ts';
import {
  bestCheckpoint,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  markBest,
  saveCheckpoint,
  verifyCheckpoint,
} from './checkpoint.ts';
import { encodeMeta, readMeta } from './checkpointMeta.ts';
import { readTensorFile } from './tensorFile.ts';

function runFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hrpose-checkpoint-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const names = (runDir: string) => readdirSync(join(runDir, 'checkpoints')).sort();
const refuses = (action: () => void, exitCode: number, message: RegExp) =>
  assert.throws(
    action,
    (error) =>
      error instanceof HrposeError && error.exitCode === exitCode && message.test(error.message),
  );
function changeByte(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 1;
  writeFileSync(file, bytes);
}

test('the scale of gradients comes back, also under the name that older files have for it', (t) => {
  const run = runFolder(t);
  const { meta, ...state } = stateAt(7);
  const gradientScale = { scale: 2 ** 12, goodSteps: 3 };
  const path = saveCheckpoint(run, { ...state, meta: { ...meta, gradientScale } });
  assert.deepEqual(loadCheckpoint(path).meta!.gradientScale, gradientScale);
  const { sha256: _, gradientScale: lossScale, ...rest } = readMeta(path);
  const older = encodeMeta(Object.assign(rest, { lossScale }));
  assert.match(new TextDecoder().decode(older), /"lossScale"/);
  writeFileSync(join(path, 'meta.json'), older);
  assert.deepEqual(loadCheckpoint(path).meta!.gradientScale, gradientScale);
  markBest(path, 0.5);
  assert.deepEqual(loadCheckpoint(path).meta!.gradientScale, gradientScale);
});

test('a checkpoint comes back as it was saved, from its folder or from the run folder', (t) => {
  const run = runFolder(t);
  const path = saveCheckpoint(run, stateAt(7));
  assert.equal(path, join(run, 'checkpoints', 'step-00000007'));
  assert.deepEqual(readdirSync(path).sort(), [
    'meta.json',
    'model.safetensors',
    'optimizer.safetensors',
  ]);
  for (const from of [path, run, join(run, 'checkpoints')]) {
    const { tensors, moments, meta } = loadCheckpoint(from);
    const saved = stateAt(7);
    assert.deepEqual(new Map([...tensors].sort()), new Map([...saved.tensors].sort()));
    assert.deepEqual(new Map([...moments].sort()), new Map([...saved.moments].sort()));
    assert.deepEqual(meta, saved.meta);
  }
});

test('the same state gives the same bytes', (t) => {
  const [a, b] = [
    saveCheckpoint(runFolder(t), stateAt(7)),
    saveCheckpoint(runFolder(t), stateAt(7)),
  ];
  for (const file of ['model.safetensors', 'optimizer.safetensors', 'meta.json']) {
    assert.deepEqual(readFileSync(join(a, file)), readFileSync(join(b, file)), file);
  }
});

test('what the weights are for goes into their file, and is verified with it', (t) => {
  const metadata = new Map([['skeleton', 'coco17']]);
  const path = saveCheckpoint(runFolder(t), stateAt(7), { metadata });
  const file = join(path, 'model.safetensors');
  assert.deepEqual(Object.fromEntries(readTensorFile(file).metadata), {
    format: 'pt',
    skeleton: 'coco17',
  });
  assert.deepEqual(loadCheckpoint(path).meta, stateAt(7).meta);
  changeByte(file, readFileSync(file).indexOf('coco17'));
  refuses(() => verifyCheckpoint(path), 3, /model\.safetensors: damaged/);
});

test('two generations and the best are kept', (t) => {
  const run = runFolder(t);
  saveCheckpoint(run, stateAt(1));
  saveCheckpoint(run, stateAt(2), { best: true });
  for (const step of [3, 4, 5]) saveCheckpoint(run, stateAt(step));
  assert.deepEqual(names(run), ['step-00000002', 'step-00000004', 'step-00000005']);
  assert.equal(bestCheckpoint(run), join(run, 'checkpoints', 'step-00000002'));
  saveCheckpoint(run, stateAt(6), { best: true, keep: 1 });
  assert.deepEqual(names(run), ['step-00000006']);
  refuses(() => saveCheckpoint(run, stateAt(7), { keep: 0 }), 2, /keep/);
});

test('a checkpoint can be marked as the best after it was saved', (t) => {
  const run = runFolder(t);
  const path = saveCheckpoint(run, stateAt(1));
  assert.equal(bestCheckpoint(run), undefined);
  markBest(path, 0.778);
  assert.equal(bestCheckpoint(run), path);
  assert.equal(loadCheckpoint(path).meta?.bestAp, 0.778);
  for (const step of [2, 3]) saveCheckpoint(run, stateAt(step));
  assert.deepEqual(names(run), ['step-00000001', 'step-00000002', 'step-00000003']);
});

test('after going back to an older step the last saved checkpoint is the latest', (t) => {
  const run = runFolder(t);
  for (const step of [100, 200]) saveCheckpoint(run, stateAt(step));
  const path = saveCheckpoint(run, stateAt(150));
  assert.equal(latestCheckpoint(run), path);
  assert.deepEqual(names(run), ['step-00000150', 'step-00000200']);
});

test('a second save of a step does not touch the first', (t) => {
  const run = runFolder(t);
  const first = saveCheckpoint(run, stateAt(5));
  const second = saveCheckpoint(run, { ...stateAt(5), moments: new Map() });
  assert.equal(basename(second), 'step-00000005.2');
  assert.equal(loadCheckpoint(run).moments.size, 0);
  assert.equal(loadCheckpoint(first).moments.size, 3);
});

test('one changed byte in any place of any file is found and the file named', (t) => {
  const path = saveCheckpoint(runFolder(t), stateAt(7));
  for (const name of ['model.safetensors', 'optimizer.safetensors', 'meta.json']) {
    const file = join(path, name);
    const { length } = readFileSync(file);
    for (let at = 0; at < length; at++) {
      changeByte(file, at);
      refuses(() => verifyCheckpoint(path), 3, new RegExp(`${name}: `));
      changeByte(file, at);
    }
    truncateSync(file, length - 1);
    refuses(() => verifyCheckpoint(path), 3, new RegExp(`${name}: `));
    rmSync(file);
    refuses(() => verifyCheckpoint(path), 3, new RegExp(`${name}: cannot be opened`));
    rmSync(path, { recursive: true });
    saveCheckpoint(join(path, '..', '..'), stateAt(7));
  }
  verifyCheckpoint(path);
});

test('a damaged newest checkpoint is not replaced by an older one, which is offered', (t) => {
  for (const file of ['model.safetensors', 'meta.json']) {
    const run = runFolder(t);
    const older = saveCheckpoint(run, stateAt(1));
    const newest = saveCheckpoint(run, stateAt(2));
    changeByte(join(newest, file), 20);
    const offer = new RegExp(`step-00000002/${file}: .*step 1 is intact.*-r ${older}`, 's');
    refuses(() => loadCheckpoint(run), 3, offer);
    assert.equal(loadCheckpoint(older).meta?.step, 1);
    changeByte(join(older, 'optimizer.safetensors'), 99);
    refuses(() => loadCheckpoint(run), 3, /no other checkpoint/);
  }
});

test('a damaged checkpoint stays while newer ones come and go', (t) => {
  const run = runFolder(t);
  const damaged = saveCheckpoint(run, stateAt(1));
  rmSync(join(damaged, 'meta.json'));
  for (const step of [2, 3, 4]) saveCheckpoint(run, stateAt(step));
  assert.deepEqual(names(run), ['step-00000001', 'step-00000003', 'step-00000004']);
  assert.equal(loadCheckpoint(run).meta?.step, 4);
});

test('what a kill leaves behind is passed over and removed by the next save', (t) => {
  const run = runFolder(t);
  saveCheckpoint(run, stateAt(1));
  for (const name of ['.tmp-step-00000002-1', '.old-step-00000000-1']) {
    mkdirSync(join(run, 'checkpoints', name));
    writeFileSync(join(run, 'checkpoints', name, 'model.safetensors'), 'half');
  }
  assert.equal(loadCheckpoint(run).meta?.step, 1);
  saveCheckpoint(run, stateAt(2));
  assert.deepEqual(names(run), ['step-00000001', 'step-00000002']);
});

test('counters that could not be read back are not saved', (t) => {
  const run = runFolder(t);
  saveCheckpoint(run, stateAt(1));
  const state = stateAt(2);
  const bad = { ...state, meta: { ...state.meta, bestAp: Number.NaN } };
  refuses(() => saveCheckpoint(run, bad), 3, /bestAp/);
  assert.equal(loadCheckpoint(run).meta?.step, 1);
});

test('a weights file alone is loaded without moments, and verified where it is of a checkpoint', (t) => {
  const path = saveCheckpoint(runFolder(t), stateAt(7));
  const file = join(path, 'model.safetensors');
  const { tensors, moments, meta } = loadCheckpoint(file);
  assert.deepEqual([tensors.size, moments.size, meta], [2, 0, undefined]);
  changeByte(file, readFileSync(file).length - 1);
  refuses(() => loadCheckpoint(file), 3, /model\.safetensors: damaged, expected SHA-256/);
});

test('a path without checkpoints is an error that says what was expected', (t) => {
  const run = runFolder(t);
  assert.equal(latestCheckpoint(run), undefined);
  assert.deepEqual(listCheckpoints(join(run, 'nowhere')), []);
  refuses(() => loadCheckpoint(run), 3, /expected a run folder with checkpoints\/step-N/);
  refuses(() => loadCheckpoint(join(run, 'x.safetensors')), 3, /cannot be opened/);
});

test('a full disk is an error with the bytes needed and free, and the earlier checkpoint stays', (t) => {
  const run = runFolder(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'hrpose-test', run], {
      stdio: 'ignore',
    });
  } catch {
    return t.skip('mounting a small tmpfs is not permitted here');
  }
  try {
    // One checkpoint has 4 × 32 KiB, the disk 256 KiB: the second cannot fit beside the first.
    const path = saveCheckpoint(run, stateAt(1, 8192));
    refuses(
      () => saveCheckpoint(run, stateAt(2, 8192)),
      4,
      new RegExp(`${run}/checkpoints: the disk is full: needed 13\\d kB, free 1[01]\\d kB`),
    );
    assert.deepEqual(names(run), [basename(path)]);
    assert.equal(loadCheckpoint(run).tensors.get('conv1.weight')?.data[8191], 1);
    saveCheckpoint(run, stateAt(3, 64));
    assert.equal(loadCheckpoint(run).meta?.step, 3);
  } finally {
    execFileSync('umount', [run]);
  }
});

/** Saves step after step in another process, kills it after `delayMs`, returns the last step done. */
async function saveUntilKilled(run: string, first: number, delayMs: number): Promise<number> {
  const script = `
    import { writeSync } from 'node:fs';
    import { saveCheckpoint } from ${JSON.stringify(new URL('checkpoint.ts', import.meta.url).href)};
    import { stateAt } from ${JSON.stringify(new URL('checkpoint.testing.ts', import.meta.url).href)};
    for (let step = ${first}; ; step++) {
      saveCheckpoint(${JSON.stringify(run)}, stateAt(step, 200_000), { best: step % 5 === 0 });
      writeSync(1, step + '\\n');
    }`;
  const tsx = import.meta.resolve('tsx');
  const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), delayMs);
    output += data;
  });
  const signal = await new Promise((resolve) => child.on('close', (_, reason) => resolve(reason)));
  assert.equal(signal, 'SIGKILL', 'the saving process ended by itself');
  return Number(output.trim().split('\n').at(-1));
}

test('a kill at any moment of a save leaves the newest complete checkpoint loadable', async (t) => {
  const run = runFolder(t);
  let first = 1;
  let interrupted = 0;
  for (let trial = 0; trial < 14; trial++) {
    // Moments spread over several saves of about 10 ms each.
    const finished = await saveUntilKilled(run, first, (trial * 7.3) % 40);
    if (names(run).some((name) => name.startsWith('.'))) interrupted++;
    const { tensors, moments, meta } = loadCheckpoint(run);
    assert.ok(meta && meta.step >= finished, `step ${meta?.step} is before ${finished}`);
    assert.ok(meta.step <= finished + 1);
    assert.ok(tensors.get('conv1.weight')?.data.every((value) => value === meta.step));
    assert.ok(moments.get('conv1.weight.moment2')?.data.every((v) => v === meta.step + 0.75));
    for (const { path } of listCheckpoints(run)) verifyCheckpoint(path);
    const best = bestCheckpoint(run);
    assert.ok(best !== undefined || meta.step < 5);
    first = meta.step + 1;
  }
  // Unless most kills hit a save under way, this test shows nothing.
  assert.ok(interrupted >= 4, `only ${interrupted} of 14 kills hit a save`);
});
