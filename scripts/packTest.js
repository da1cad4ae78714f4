// npm run test:package: packs the project, installs the package into an empty folder with scripts off,
// and uses it from there: the command, the library, the types. Run by hand: the install may need the
// npm registry for what is not in npm's cache.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './setup.js';

function run(cwd, command, ...args) {
  process.stdout.write(`> ${[command, ...args].join(' ').slice(0, 100)}\n`);
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  return { status, stdout, stderr };
}

function must(cwd, command, ...args) {
  const { status, stdout, stderr } = run(cwd, command, ...args);
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** What a user writes; type-checked and run. */
const example = `import { coco17, HrposeError, PoseEstimator, type EstimatedPose } from 'hrpose';

await using estimator = await PoseEstimator.load({
  weights: 'weights.safetensors',
  inputSize: { width: 64, height: 96 },
});
const [person]: EstimatedPose[] = await estimator.estimate('photo.png', { boxes: [[5, 5, 50, 70]] });
const nose: number = person!.keypoints[0]!.x;
if (!Number.isFinite(nose) || person!.keypoints.length !== coco17.keypoints.length) throw new Error('no pose');
await estimator.estimate('nowhere.png').then(
  () => {
    throw new Error('a missing picture was no error');
  },
  (error: unknown) => {
    if (!(error instanceof HrposeError)) throw error;
  },
);
`;

/** Weights of a tiny network and a picture, made with the checkout. */
function writeInputs(folder) {
  const testing = pathToFileURL(join(root, 'src/infer/tinyModel.testing.ts')).href;
  const script = `
    import sharp from 'sharp';
    import { noisePicture, writeTinyWeights } from ${JSON.stringify(testing)};
    writeTinyWeights(${JSON.stringify(join(folder, 'weights.safetensors'))});
    const { data } = noisePicture(80, 90, 1);
    await sharp(data, { raw: { width: 80, height: 90, channels: 3 } }).toFile(${JSON.stringify(join(folder, 'photo.png'))});`;
  must(root, process.execPath, '--import', 'tsx', '--input-type=module', '-e', script);
}

/** Compiles the example in the project's folder with the checkout's compiler, and gives the file. */
function compileExample(folder) {
  writeFileSync(join(folder, 'example.ts'), example);
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
  symlinkSync(join(root, 'node_modules/undici-types'), join(folder, 'node_modules/undici-types'));
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2023'];
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  must(
    folder,
    process.execPath,
    tsc,
    ...options,
    '--lib',
    'esnext',
    '--types',
    'node',
    'example.ts',
  );
  return 'example.js';
}

const folder = mkdtempSync(join(tmpdir(), 'hrpose-package-'));
try {
  must(root, 'npm', 'pack', '--ignore-scripts=false', '--pack-destination', folder);
  writeFileSync(join(folder, 'package.json'), '{"type": "module", "private": true}');
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
  must(folder, 'npm', 'install', '--ignore-scripts', '--omit=dev', ...quiet, './hrpose-0.1.0.tgz');
  must(folder, 'npx', '--no-install', 'hrpose', '--help');
  const doctor = run(folder, 'npx', '--no-install', 'hrpose', 'doctor', '--json');
  if (![0, 4].includes(doctor.status)) throw new Error(`doctor: ${doctor.stderr}`);
  writeInputs(folder);
  const infer = ['infer', '-o', 'weights=weights.safetensors', '--image', 'photo.png'];
  must(folder, 'npx', '--no-install', 'hrpose', ...infer, '--save-json', '--output', 'out');
  must(folder, process.execPath, compileExample(folder));
  process.stdout.write('The package works: command, library and types.\n');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
