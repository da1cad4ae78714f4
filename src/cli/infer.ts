// hrpose infer: finds the keypoints of people in pictures, or in a video.
import { Command, Option } from 'commander';
import { detectorKinds } from '../detect/family.ts';
import { usageError } from '../errors.ts';
import type { PicturesFlags } from '../infer/runPictures.ts';
import type { VideoFlags } from '../infer/runVideo.ts';
import { addDeviceOptions, type DeviceOptions, openBackend, wholeNumber } from './device.ts';
import { addConfigOptions, addPaddleFlags, parseScore } from './paddleFlags.ts';
import { sheetOption } from './sheetOption.ts';

/** Which of the two jobs it is, is told by what is there. */
type InferFlags = DeviceOptions &
  Omit<PicturesFlags, 'image'> &
  Omit<VideoFlags, 'video'> &
  Partial<Pick<PicturesFlags, 'image'> & Pick<VideoFlags, 'video'>>;

const notes = `
Where people are
  --boxes FILE      COCO JSON: a detector's results, or annotations. A picture is found by 'file_name', by the
                    images list of the file or of --image-list, or by its number: 000000000785.jpg is 785
  --detector FILE   an ONNX model that finds people
  neither           every picture is taken as one person, whole

Files in --output
  <name of the picture>      with limbs, points and scores; pictures of several folders keep their folders
  keypoints.json             with --save-json: a COCO result list with file names
  heatmaps/<name>            with --heatmaps
  <name of the video>.mp4    with limbs, points, numbers of people and the sound (needs ffmpeg)
  <name of the video>.jsonl  with --save-json: a line for each frame, with the numbers of people

Videos: --boxes take the frame's number, from 0 on, as image_id. People are followed from frame to frame
and their keypoints are smoothed.

A picture that cannot be read is named and left out, and the exit code is 3 at the end.
Without -c the network is known from what its file says, from the run that saved the weights, or from their
shapes.

Examples
  hrpose infer -c configs/keypoint/hrnet/hrnet_w32_384x288.yml -o weights=best_model --image photo.jpg
  hrpose infer -o weights=output/demo/best_model --image photos --boxes boxes.json --save-json
  hrpose infer -o weights=PATH --image 'photos/**/*.jpg' --detector yolox.onnx --sheet sheet.png
  hrpose infer -o weights=PATH --video dance.mp4 --detector yolox.onnx --detect-every 5 --save-json`;

export function command(): Command {
  const infer = addConfigOptions(new Command('infer'), { required: false })
    .summary("find people's keypoints in pictures or a video")
    .description(
      'Finds the keypoints of people in pictures or a video: draws them, and writes them as JSON.',
    )
    .option('--image <paths...>', 'picture files, folders or patterns')
    .option('--video <file>', 'a video file, or - for standard input')
    .option('--boxes <file>', 'people as boxes in a COCO JSON file')
    .option('--image-list <file>', 'COCO JSON whose images tell which picture an id means')
    .option('--detector <model>', 'ONNX model that finds people')
    .addOption(
      new Option(
        '--detector-kind <kind>',
        'what the detector is, where its inputs and outputs do not tell',
      ).choices(detectorKinds),
    )
    .option(
      '--box-threshold <score>',
      'leave out boxes with a lower score',
      parseScore('--box-threshold'),
      0.5,
    )
    .option(
      '--flip',
      'also look at every person mirrored: half as fast, a little more accurate',
      false,
    )
    .option('--batch <n>', 'people a step of the network', wholeNumber('--batch', 1, 512), 4)
    .option('--output <dir>', 'where to write', 'output/infer')
    .option('--save-json', 'write the keypoints as JSON', false)
    .option('--no-draw', 'draw nothing')
    .option(
      '--draw-threshold <score>',
      'draw keypoints from this score on',
      parseScore('--draw-threshold'),
      0.5,
    )
    .option('--heatmaps', 'also write pictures with the heatmaps', false)
    .addOption(sheetOption('write all pictures small on one sheet'))
    .option('--no-exif', 'take pictures as they are stored, not turned upright')
    .option('--fps <n>', 'look at no more frames of a video a second', frameRate)
    .option(
      '--detect-every <n>',
      'run the detector on every nth frame of a video; in between people are looked for where they were',
      wholeNumber('--detect-every', 1, 1000),
      1,
    )
    .option('--no-track', 'do not follow people through a video')
    .option('--no-smooth', 'leave the keypoints of a video as the network finds them');
  addDeviceOptions(infer).addHelpText('after', notes);
  return addPaddleFlags(infer, 'infer').action(async (_, cmd: Command) => {
    const flags = cmd.optsWithGlobals<InferFlags>();
    const isGiven = (name: string) => cmd.getOptionValueSource(name) === 'cli';
    refuseForeign(flags.video === undefined ? ofVideos : ofPictures, isGiven);
    if (isGiven('detectorKind') && !isGiven('detector'))
      throw usageError('--detector-kind tells what --detector is. Give that as well.');
    tellWhenNothingIsKept(flags);
    await run(flags);
  });
}

/** Without a drawing, a file or a line on standard output the work is for its speed alone. */
function tellWhenNothingIsKept({
  draw,
  saveJson,
  heatmaps,
  sheet,
  json = false,
}: InferFlags): void {
  if (draw || saveJson || heatmaps || sheet !== undefined || json) return;
  process.stderr.write(
    'note: nothing of what is found is kept. --save-json writes it, --json prints it.\n',
  );
}

/** What has no meaning for the other kind of input, by the name of its value. */
const ofPictures = {
  what: 'pictures. Leave it out with --video.',
  options: {
    image: '--image',
    imageList: '--image-list',
    heatmaps: '--heatmaps',
    sheet: '--sheet',
  },
};
const ofVideos = {
  what: 'videos. Name one with --video, or leave it out.',
  options: {
    fps: '--fps',
    detectEvery: '--detect-every',
    track: '--no-track',
    smooth: '--no-smooth',
  },
};

function refuseForeign(
  { what, options }: typeof ofPictures | typeof ofVideos,
  isGiven: (name: string) => boolean,
): void {
  const foreign = Object.entries(options).find(([name]) => isGiven(name));
  if (foreign) throw usageError(`${foreign[1]} is for ${what}`);
}

function frameRate(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 1000) return value;
  throw usageError(`--fps: expected a number above 0, up to 1000, got '${text}'.`);
}

async function run(flags: InferFlags): Promise<void> {
  if (flags.video !== undefined) {
    await runVideoOf(flags, flags.video);
    return;
  }
  if (flags.image === undefined) {
    throw usageError(
      "infer: nothing to look at. Name pictures or folders with '--image PATH', or a video with '--video FILE'.",
    );
  }
  const { runPictures } = await import('../infer/runPictures.ts');
  await runPictures({ ...flags, image: flags.image }, () => openBackend(flags));
}

async function runVideoOf(flags: InferFlags, video: string): Promise<void> {
  const { runVideo } = await import('../infer/runVideo.ts');
  await runVideo({ ...flags, video }, () => openBackend(flags));
}
