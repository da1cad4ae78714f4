// The page as a person uses it: both tabs, the camera, and a browser without WebGPU. Screenshots of it go to
// output/browser/.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { tinyModel } from '../infer/tinyModel.testing.ts';
import { packageRoot } from '../packageRoot.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { tinyRun } from '../train/tinyRun.testing.ts';
import { launch, serve, skip } from './chromium.testing.ts';
import { readModel, writeModel } from './model.ts';
import { webScript } from './webScript.testing.ts';

const shots = join(packageRoot, 'output', 'browser');
mkdirSync(shots, { recursive: true });
const folder = temporaryFolder();
const data = await tinyRun();
const weights = join(folder, 'tiny.safetensors');
writeFileSync(weights, writeModel({ ...tinyModel, inputSize: { width: 32, height: 64 } }));
const picture = join(data.folder, 'data/val/000000000001.jpg');
if (!skip) await (await webScript()).buildPage(join(folder, 'page'));
const address = `${await serve({ page: join(folder, 'page') })}/page/`;
const browser = skip ? undefined : await launch();

/** Opens the page and gives what went wrong in it: nothing may, and nothing may leave this machine. */
async function open(from: Browser = browser!) {
  const page = await from.newPage({ viewport: { width: 1200, height: 900 } });
  const problems: string[] = [];
  page.on('pageerror', ({ message }) => problems.push(message));
  page.on('console', (line) => line.type() === 'error' && problems.push(line.text()));
  page.on('request', (request) => {
    if (!/^(blob:|data:|http:\/\/127\.0\.0\.1)/.test(request.url())) problems.push(request.url());
  });
  // The folder dialog cannot be answered from here; the input beside it can.
  await page.addInitScript('delete window.showDirectoryPicker');
  await page.goto(address);
  return { page, problems };
}

const giveFile = (page: Page, label: string, file: string) =>
  page.getByLabel(label).first().setInputFiles(file);

const shot = (page: Page, name: string) =>
  page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });

test('the Try tab finds poses in the whole frame and in boxes drawn by hand', {
  skip,
}, async () => {
  const { page, problems } = await open();
  await page.getByText('Drop a picture here').waitFor();
  await shot(page, 'try-empty');
  await giveFile(page, 'Open picture', picture);
  await page.getByText('Open weights to look for people.').waitFor();
  await giveFile(page, 'Open weights', weights);
  await page.getByText(/^1 pose in/).waitFor({ timeout: 120_000 });
  assert.equal(await page.locator('tbody tr').count(), 17);

  const canvas = (await page.locator('.stage canvas').boundingBox())!;
  const at = (x: number, y: number) =>
    [canvas.x + x * canvas.width, canvas.y + y * canvas.height] as const;
  const drag = async (from: readonly [number, number], to: readonly [number, number]) => {
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move(...to, { steps: 4 });
    await page.mouse.up();
  };
  await drag(at(0.1, 0.1), at(0.4, 0.9));
  await drag(at(0.5, 0.1), at(0.9, 0.9));
  await page.getByText(/^2 poses in/).waitFor();
  await page.getByLabel('Heatmaps').check();
  await shot(page, 'try-boxes');
  await page.locator('.stage canvas').focus();
  await page.keyboard.press('Delete');
  await page.getByText(/^1 pose in/).waitFor();
  // Twice, as a slip of the pointer leaves no box.
  await page.mouse.click(...at(0.95, 0.05));
  await page.getByRole('button', { name: 'Whole frame' }).click();
  await page.getByText(/^1 pose in/).waitFor();
  // Without a pointer: a box is there, moves, and goes again; a keypoint is reached.
  await page.getByRole('button', { name: 'Add box' }).press('Enter');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Delete');
  assert.ok(await page.getByRole('button', { name: 'Whole frame' }).isDisabled());
  await page.getByText(/^1 pose in.*Taken whole/).waitFor();
  const pixels = () => page.evaluate(() => document.querySelector('canvas')!.toDataURL());
  const all = await pixels();
  await page.locator('tbody tr').nth(9).focus();
  assert.notEqual(await pixels(), all, 'one heatmap alone looks as all of them');

  await giveFile(page, 'Open weights', picture);
  await page.getByRole('alert').waitFor();
  assert.match((await page.getByRole('alert').textContent())!, /expected weights as safetensors/);
  assert.deepEqual(problems, []);
  await page.close();
});

test('the Try tab follows the camera', { skip }, async () => {
  const { page, problems } = await open();
  await giveFile(page, 'Open weights', weights);
  await page.getByRole('button', { name: 'Camera' }).click();
  await page.getByText(/^1 pose in/).waitFor({ timeout: 120_000 });
  await shot(page, 'try-camera');
  await page.getByRole('button', { name: 'Stop camera' }).click();
  assert.deepEqual(problems, []);
  await page.close();
});

test('the Fine-tune tab trains on a folder, pauses, scores and hands over a checkpoint', {
  skip,
}, async () => {
  const { page, problems } = await open();
  await giveFile(page, 'Open weights', weights);
  await page.getByRole('tab', { name: 'Fine-tune' }).click();
  const panel = page.locator('aside:visible');
  await panel.getByLabel('Choose folder').setInputFiles(join(data.folder, 'data'));
  assert.match(await panel.getByLabel('Train on').inputValue(), /keypoints_train/);
  assert.match(await panel.getByLabel('Show and score').inputValue(), /keypoints_val/);
  for (const [label, value] of [
    ['Batch', '4'],
    ['Steps', '12'],
  ] as const)
    await panel.getByLabel(label).fill(value);
  await panel.getByRole('button', { name: 'Start' }).click();
  await page.getByText(/^[3-9] of 12/).waitFor({ timeout: 180_000 });
  await panel.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('status').getByText('paused').waitFor();
  await panel.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('status').getByText('done').waitFor({ timeout: 180_000 });
  await page.getByRole('button', { name: 'Score' }).click();
  await page.locator('dt', { hasText: /^AP on/ }).waitFor({ timeout: 60_000 });
  await page
    .locator('dd')
    .last()
    .getByText(/^-?\d\.\d{4}$/)
    .waitFor({ timeout: 60_000 });
  await shot(page, 'fine-tune');

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download checkpoint' }).click(),
  ]);
  assert.equal(download.suggestedFilename(), 'hrpose-step-12.safetensors');
  const { model } = readModel(readFileSync(await download.path()), 'download');
  assert.deepEqual(model.inputSize, { width: 32, height: 64 });
  const name = 'conv1.weight';
  assert.notDeepEqual(model.weights.get(name), tinyModel.weights.get(name));
  assert.deepEqual(problems, []);
  await page.close();
});

/** Keeps every device that the page opens, so that it can be taken away. */
const keepDevices = `
  globalThis.devices = [];
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...wanted) {
    const device = await requestDevice.apply(this, wanted);
    devices.push(device);
    return device;
  };
`;

test('a GPU that is lost is opened again once, for both tabs, and the page says so', {
  skip,
}, async () => {
  const { page, problems } = await open();
  await page.addInitScript(keepDevices);
  await page.reload();
  const lose = () => page.evaluate('devices.at(-1).destroy()');
  const opened = () => page.evaluate('devices.length');
  const notice = page.getByRole('alert').filter({ hasText: 'The GPU was lost' });
  await giveFile(page, 'Open weights', weights);
  await giveFile(page, 'Open picture', picture);
  await page.getByText(/^1 pose in/).waitFor({ timeout: 120_000 });
  await lose();
  await notice.getByText('It is opened again when it is needed.').waitFor();
  await page.getByRole('button', { name: 'Add box' }).click();
  await notice.getByText('and opened again').waitFor();
  await page.getByText(/^1 pose in [^T]*$/).waitFor();
  assert.equal(await opened(), 2);
  await notice.getByRole('button', { name: 'Close' }).click();

  await page.getByRole('tab', { name: 'Fine-tune' }).click();
  const panel = page.locator('aside:visible');
  await panel.getByLabel('Choose folder').setInputFiles(join(data.folder, 'data'));
  for (const [label, value] of [
    ['Batch', '4'],
    ['Steps', '8'],
  ] as const)
    await panel.getByLabel(label).fill(value);
  await panel.getByRole('button', { name: 'Start' }).click();
  await page.getByText(/^[3-6] of 8/).waitFor({ timeout: 180_000 });
  await lose();
  await page.getByRole('status').getByText('done').waitFor({ timeout: 60_000 });
  await notice.getByText('and opened again').waitFor();
  await shot(page, 'gpu-lost');
  await page.getByRole('tab', { name: 'Try' }).click();
  await page.getByRole('button', { name: 'Whole frame' }).click();
  await page.getByText(/^1 pose in.*Taken whole/).waitFor();
  assert.equal(await opened(), 3);
  assert.equal(await page.getByRole('alert').count(), 1);
  assert.deepEqual(problems, []);
  await page.close();
});

test('a browser without WebGPU is told so, with what to do', { skip }, async () => {
  const { page } = await open(await launch({ withoutWebGpu: true }));
  const alert = page.getByRole('alert').first();
  await alert.waitFor();
  assert.match((await alert.textContent())!, /WebGPU.*(Chrome|graphics driver)/s);
  await shot(page, 'no-webgpu');
  await page.close();
});
