// `hrpose data`: makes, fetches and checks data sets.
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Size } from '../data/record.ts';
import type { SynthOptions } from '../data/synth/writeDataset.ts';
import { inputError, usageError } from '../errors.ts';
import { coco17 } from '../pose/skeletons.ts';
import { createProgress } from '../progress.ts';
import { wholeNumber } from './device.ts';
import { addConfigOptions } from './paddleFlags.ts';

interface Globals {
  readonly json?: boolean;
}

function pictureSize(text: string): Size {
  const [, width, height] = /^(\d{2,4})x(\d{2,4})$/.exec(text) ?? [];
  const size = { width: Number(width), height: Number(height) };
  const fits = (side: number) => side >= 64 && side <= 2048;
  if (fits(size.width) && fits(size.height)) return size;
  throw new InvalidArgumentError('Expected WIDTHxHEIGHT in pixels, each from 64 to 2048.');
}

type SynthFlags = Globals & Omit<SynthOptions, 'skeleton' | 'onProgress' | 'signal'>;

async function synth(_flags: unknown, command: Command): Promise<void> {
  const { json = false, ...flags } = command.optsWithGlobals<SynthFlags>();
  const { writeDataset } = await import('../data/synth/writeDataset.ts');
  const progress = createProgress({
    label: 'synth',
    total: flags.train + flags.val,
    unit: 'pictures',
    json,
  });
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  try {
    const { out, written, pictures, persons } = await writeDataset({
      ...flags,
      skeleton: coco17,
      signal: interrupt.signal,
      onProgress: (done) => progress.update(done),
    });
    progress.end();
    progress.event('synth', { out, written, pictures, persons });
    progress.line(
      written
        ? `${out}: ${pictures} pictures with ${persons} people drawn.`
        : `${out}: complete already, ${pictures} pictures with ${persons} people kept. Pass --force to draw it again.`,
    );
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

const cocoParts = ['train', 'val', 'annotations'] as const;
type CocoPart = (typeof cocoParts)[number];

function parseParts(text: string): readonly CocoPart[] {
  const parts = text.split(',').map((part) => part.trim());
  const known = (part: string): part is CocoPart => cocoParts.some((name) => name === part);
  if (parts.every(known)) return [...new Set(parts)];
  throw new InvalidArgumentError(`Expected some of ${cocoParts.join(', ')}, separated by commas.`);
}

interface DownloadFlags extends Globals {
  readonly out: string;
  readonly parts: readonly CocoPart[];
  readonly baseUrl?: string;
  readonly keepArchives?: boolean;
}

async function download(dataset: string, _flags: unknown, command: Command): Promise<void> {
  if (dataset !== 'coco') {
    throw usageError(`data download: expected coco, got '${dataset.slice(0, 40)}'.`);
  }
  const { json = false, ...flags } = command.optsWithGlobals<DownloadFlags>();
  const { downloadCoco } = await import('../data/download.ts');
  await downloadCoco({ ...flags, json });
}

interface CheckFlags extends Globals {
  readonly config: string;
  readonly opt: readonly string[];
  readonly thorough?: boolean;
  readonly split: 'train' | 'eval' | 'both';
}

async function check(_flags: unknown, command: Command): Promise<void> {
  const { json = false, ...flags } = command.optsWithGlobals<CheckFlags>();
  const { loadSettings } = await import('../train/config/index.ts');
  const { checkDataset, formatReport } = await import('../data/check.ts');
  const { settings, warnings } = loadSettings(flags.config, flags.opt);
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  const { thorough = false, split } = flags;
  const report = await checkDataset(settings, { json, thorough, split });
  process.stdout.write(`${json ? JSON.stringify(report) : formatReport(report).trimEnd()}\n`);
  if (!report.ok) throw inputError('data check: the data set has errors, see the report above.');
}

const synthExamples = `
Examples
  hrpose data synth --out dataset/demo
  hrpose data synth --out dataset/big --train 20000 --val 1000 --seed 7

The folder then holds train/, val/ and annotations/person_keypoints_{train,val}.json in COCO's
format. The same settings give the same bytes with any number of workers; a complete data set with
the same settings is kept.`;

const downloadExamples = `
Examples
  hrpose data download coco
  hrpose data download coco --out dataset/coco --parts val,annotations`;

const checkExamples = `
Examples
  hrpose data check -c configs/demo.yml
  hrpose data check -c configs/demo.yml --split eval --thorough`;

function synthCommand(): Command {
  const cores = availableParallelism();
  return new Command('synth')
    .description('Draws a data set of people with true keypoints, to try everything out offline.')
    .requiredOption('--out <dir>', 'folder of the data set')
    .option('--train <n>', 'pictures for training', wholeNumber('--train', 1, 1_000_000), 2000)
    .option('--val <n>', 'pictures for scoring', wholeNumber('--val', 1, 1_000_000), 200)
    .option('--seed <n>', 'what to draw', wholeNumber('--seed', 0, 4294967295), 0)
    .option(
      '--workers <n>',
      'threads that draw; 0 draws in the main thread',
      wholeNumber('--workers', 0, 256),
      cores,
    )
    .option(
      '--size <WxH>',
      'size of every picture in px (default: sizes of photographs, mixed)',
      pictureSize,
    )
    .option('--force', 'draw again what is complete; write beside files of other kinds')
    .addHelpText('after', synthExamples)
    .action(synth);
}

function downloadCommand(): Command {
  return new Command('download')
    .description('Fetches COCO 2017: pictures and person keypoint annotations.')
    .argument('[dataset]', 'which data set: coco', 'coco')
    .option('--out <dir>', 'folder of the data set', 'dataset/coco')
    .addOption(
      new Option('--parts <list>', 'some of train,val,annotations')
        .argParser(parseParts)
        .default(cocoParts, 'all'),
    )
    .option('--base-url <url>', "where the archives lie (default: COCO's own site)")
    .option('--keep-archives', 'keep the archives after unpacking')
    .addHelpText('after', downloadExamples)
    .action(download);
}

function checkCommand(): Command {
  return addConfigOptions(new Command('check'))
    .description("Checks a config's data set: annotations, boxes, keypoints, picture files.")
    .option('--thorough', 'decode every picture')
    .addOption(
      new Option('--split <split>', 'which data to check')
        .choices(['train', 'eval', 'both'])
        .default('both'),
    )
    .addHelpText('after', checkExamples)
    .action(check);
}

export function command(): Command {
  return new Command('data')
    .description('Makes, fetches and checks data sets.')
    .addCommand(synthCommand())
    .addCommand(downloadCommand())
    .addCommand(checkCommand());
}
