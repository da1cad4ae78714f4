// From a config tree to the typed settings. What PaddleDetection repeats in several places (input
// size, number of keypoints, width) must agree; a disagreement is an error that names both places.
import { isAbsolute, join } from 'node:path';
import type { Size } from '../../data/record.ts';
import type { Skeleton } from '../../pose/skeleton.ts';
import { coco17, mpii16 } from '../../pose/skeletons.ts';
import type { AugmentSettings, DatasetSettings, Settings } from '../settings.ts';
import { agree, claims } from './agree.ts';
import { failAt, placeOf } from './fields.ts';
import { resolveLearningRate } from './learningRate.ts';
import { findOperation, type Root, required } from './root.ts';

type Dataset = NonNullable<Root['EvalDataset']>;
type TrainOperation = Root['TrainReader']['sample_transforms'][number];
type Operation<N extends TrainOperation['name']> = Extract<TrainOperation, { name: N }>;

const targetCodecs = {
  ToHeatmapsTopDown: 'standard',
  ToHeatmapsTopDown_DARK: 'dark',
  ToHeatmapsTopDown_UDP: 'udp',
} as const;

type TargetName = keyof typeof targetCodecs;

const isTarget = <O extends { readonly name: string }>(
  operation: O,
): operation is Extract<O, { name: TargetName }> => Object.hasOwn(targetCodecs, operation.name);

const toSize = ([width, height]: readonly [number, number]): Size => ({ width, height });

function resolveSizes(root: Root): { inputSize: Size; heatmapSize: Size } {
  const operations = [
    ...root.TrainReader.sample_transforms,
    ...root.EvalReader.sample_transforms,
  ].map((operation) => operation.args);
  const datasets = [root.TrainDataset?.args, root.EvalDataset?.args];
  const everywhere = [root, ...datasets, ...operations];
  const input = agree('trainsize', claims<readonly [number, number]>('trainsize', everywhere));
  const { value, place } = required(root, input, 'trainsize', 'trainsize: [288, 384]');
  const [width, height] = value;
  if (width % 32 !== 0 || height % 32 !== 0)
    failAt(place, `trainsize: expected multiples of 32 px (the coarsest branch), got [${value}].`);
  const heatmap = agree('hmsize', claims<readonly [number, number]>('hmsize', everywhere));
  if (heatmap && (heatmap.value[0] * 4 !== width || heatmap.value[1] * 4 !== height))
    failAt(
      heatmap.place,
      `hmsize: expected a quarter of trainsize [${value}], [${width / 4},${height / 4}], got [${heatmap.value}].`,
    );
  return { inputSize: toSize(value), heatmapSize: toSize([width / 4, height / 4]) };
}

/** The config's own flip pairs win over the skeleton's. */
function withFlipPairs(root: Root, skeleton: Skeleton): Skeleton {
  const given = agree<Skeleton['flipPairs']>('flip_perm', [
    ...claims<Skeleton['flipPairs']>('flip_perm', [root, root.TopDownHRNet]),
    ...claims<Skeleton['flipPairs']>(
      'flip_pairs',
      root.TrainReader.sample_transforms.map((operation) => operation.args),
    ),
  ]);
  if (given === undefined) return skeleton;
  const count = skeleton.keypoints.length;
  const indices = given.value.flat();
  const bad = indices.find((index) => index >= count);
  if (bad !== undefined)
    failAt(given.place, `flip_perm: keypoint ${bad} does not exist; there are ${count}, from 0.`);
  if (new Set(indices).size !== indices.length)
    failAt(given.place, 'flip_perm: a keypoint is in more than one pair.');
  return { ...skeleton, flipPairs: given.value };
}

function resolveSkeleton(root: Root, own: Skeleton | undefined): Skeleton {
  const isMpii =
    root.TrainDataset?.name === 'KeypointTopDownMPIIDataset' ||
    root.metric === 'KeyPointTopDownMPIIEval';
  const skeleton = own ?? (isMpii ? mpii16 : coco17);
  const sections = [root, root.TopDownHRNet, root.TrainDataset?.args, root.EvalDataset?.args];
  const count = agree('num_joints', claims<number>('num_joints', sections));
  if (count !== undefined && count.value !== skeleton.keypoints.length)
    failAt(
      count.place,
      `num_joints: expected ${skeleton.keypoints.length}, the keypoints of the skeleton '${skeleton.name}', got ${count.value}. For other keypoints name a skeleton file, 'skeleton: mine.json'.`,
    );
  return withFlipPairs(root, skeleton);
}

function resolveModel(root: Root, skeleton: Skeleton): Settings['model'] {
  const width = agree('width', claims<number>('width', [root.HRNet, root.TopDownHRNet]));
  return {
    variant: root.HRNet.variant === 'small' ? 'hrnet-small' : 'hrnet',
    width: required(root, width?.value, 'HRNet.width', 'HRNet: {width: 32}'),
    keypoints: skeleton.keypoints.length,
  };
}

const datasetKinds = {
  KeypointTopDownCocoDataset: 'coco',
  KeypointTopDownMPIIDataset: 'mpii',
  ImageFolder: 'images',
} as const;

function resolveDataset(root: Root, key: string, dataset: Dataset | undefined): DatasetSettings {
  const { name, args, place } = required(
    root,
    dataset,
    key,
    `${key}: !KeypointTopDownCocoDataset {...}`,
  );
  if (args.anno_path === undefined && name !== 'ImageFolder')
    failAt(
      place,
      `${key}.anno_path is missing. Name the annotation file, relative to dataset_dir.`,
    );
  // An absolute path stays what it is, as with Python's os.path.join.
  const inDataset = (path: string) => (isAbsolute(path) ? path : join(args.dataset_dir, path));
  const coco = name === 'KeypointTopDownCocoDataset' ? args : undefined;
  return {
    kind: datasetKinds[name],
    datasetDir: args.dataset_dir,
    imageDir: inDataset(args.image_dir),
    annoPath: args.anno_path === undefined ? '' : inDataset(args.anno_path),
    useGtBbox: coco?.use_gt_bbox ?? true,
    ...(coco?.bbox_file !== undefined && { bboxFile: inDataset(coco.bbox_file) }),
    imageThre: coco?.image_thre ?? 0,
    pixelStd: ('pixel_std' in args ? args.pixel_std : undefined) ?? root.pixel_std,
  };
}

/** No random change at all, for a reader without RandomFlipHalfBodyTransform. */
const noAugmentation: AugmentSettings = {
  scaleFactor: 0,
  rotationFactor: 0,
  rotationProbability: 0,
  flip: false,
  halfBodyProbability: 0,
  halfBodyKeypoints: 0,
  upperBody: [],
};

function resolveAugment(root: Root, skeleton: Skeleton): AugmentSettings {
  const found = findOperation(root.TrainReader.sample_transforms, 'RandomFlipHalfBodyTransform');
  if (found === undefined) return noAugmentation;
  const { args } = found as Operation<'RandomFlipHalfBodyTransform'>;
  const upperBody = args.upper_body_ids ?? skeleton.upperBody;
  const bad = upperBody.find((index) => index >= skeleton.keypoints.length);
  if (bad !== undefined)
    failAt(
      placeOf(args, 'upper_body_ids'),
      `upper_body_ids: keypoint ${bad} does not exist; there are ${skeleton.keypoints.length}, from 0.`,
    );
  return {
    scaleFactor: args.scale,
    rotationFactor: args.rot,
    rotationProbability: args.rot_prob,
    flip: args.flip,
    halfBodyProbability: args.prob_half_body,
    halfBodyKeypoints: args.num_joints_half_body,
    upperBody,
  };
}

function resolveNormalize(root: Root): Settings['normalize'] {
  const operations = [root.TrainReader, root.EvalReader]
    .flatMap((reader) => [...reader.sample_transforms, ...reader.batch_transforms])
    .flatMap((operation) => (operation.name === 'NormalizeImage' ? [operation.args] : []));
  const mean = agree('mean', claims<readonly number[]>('mean', operations));
  const std = agree('std', claims<readonly number[]>('std', operations));
  if (mean === undefined || std === undefined)
    return failAt(
      placeOf(root, 'TrainReader'),
      'NormalizeImage is missing. Add it to batch_transforms of TrainReader and EvalReader.',
    );
  return { mean: mean.value, std: std.value };
}

function resolveTarget(root: Root): Settings['target'] {
  const target = root.TrainReader.sample_transforms.find(isTarget);
  if (target === undefined)
    return failAt(
      placeOf(root, 'TrainReader'),
      `TrainReader.sample_transforms: a target is missing. Add one of ${Object.keys(targetCodecs).join(', ')}.`,
    );
  return { codec: targetCodecs[target.name], sigma: target.args.sigma };
}

/** DARK's blur is centred on a pixel. */
function darkKernel(root: Root): number {
  const kernel = root.TopDownHRNet.dark_kernel;
  if (kernel % 2 === 1) return kernel;
  return failAt(
    placeOf(root.TopDownHRNet, 'dark_kernel'),
    `dark_kernel: expected an odd number, got ${kernel}.`,
  );
}

const usesUdp = (reader: Root['TrainReader'] | Root['EvalReader']): boolean =>
  reader.sample_transforms.some(
    (operation) => operation.name === 'TopDownAffine' && operation.args.use_udp,
  );

function resolveTrain(root: Root, skeleton: Skeleton): Settings['train'] {
  const { batch_size: batchSize, shuffle, drop_last: dropLast } = root.TrainReader;
  return {
    dataset: resolveDataset(root, 'TrainDataset', root.TrainDataset),
    batchSize,
    shuffle,
    dropLast,
    augment: resolveAugment(root, skeleton),
    udp: usesUdp(root.TrainReader),
  };
}

function resolveEval(root: Root): Settings['eval'] {
  const { flip, shift_heatmap, use_dark } = root.TopDownHRNet;
  const { oks_thre, in_vis_thre } = root.KeyPointTopDownCOCOEval;
  return {
    dataset: resolveDataset(root, 'EvalDataset', root.EvalDataset),
    batchSize: root.EvalReader.batch_size,
    flipTest: flip,
    shiftHeatmap: shift_heatmap,
    useDark: use_dark,
    darkKernel: darkKernel(root),
    oksThreshold: oks_thre,
    visibilityThreshold: in_vis_thre,
    udp: usesUdp(root.EvalReader),
  };
}

/** The settings; `ownSkeleton` is the content of the skeleton file, if one is named. */
export function resolveSettings(
  root: Root,
  name: string,
  ownSkeleton: Skeleton | undefined,
): Settings {
  const skeleton = resolveSkeleton(root, ownSkeleton);
  const { optimizer, regularizer } = root.OptimizerBuilder;
  return {
    name,
    skeleton,
    model: resolveModel(root, skeleton),
    ...resolveSizes(root),
    normalize: resolveNormalize(root),
    target: resolveTarget(root),
    loss: {
      useTargetWeight: root.KeyPointMSELoss.use_target_weight,
      lossScale: root.KeyPointMSELoss.loss_scale,
    },
    learningRate: resolveLearningRate(root),
    optimizer: {
      beta1: optimizer.beta1,
      beta2: optimizer.beta2,
      epsilon: optimizer.epsilon,
      l2: regularizer?.factor ?? 0,
    },
    bnMomentum: root.HRNet.norm_momentum,
    train: resolveTrain(root, skeleton),
    eval: resolveEval(root),
    epochs: required(root, root.epoch, 'epoch', 'epoch: 210'),
    snapshotEpoch: root.snapshot_epoch,
    logIter: root.log_iter,
    workers: root.worker_num,
    useGpu: root.use_gpu,
    saveDir: root.save_dir,
    ...(root.pretrain_weights !== undefined && { pretrainWeights: root.pretrain_weights }),
    ...(root.weights !== undefined && { weights: root.weights }),
  };
}
