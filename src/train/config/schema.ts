// Every setting that a config file may hold, by section: type, default, meaning. The names and
// defaults are PaddleDetection's; a doc that ends in "(ours)" marks an extension.
import { object, objects, operations, optionalSection, section } from './groups.ts';
import {
  flag,
  leftOut,
  number,
  numberOrNumbers,
  numbers,
  oneOf,
  only,
  pairs,
  size,
  text,
  unused,
  whole,
} from './values.ts';

const inputSize = size('network input [width, height], px');
const heatmapSize = size('heatmaps [width, height], px: a quarter of the input');
const keypointCount = whole(undefined, 'number of keypoints K', { min: 1, max: 1024 });
const pixelStd = number(undefined, 'pixels that a box scale of 1 stands for', { min: 1 });

const cocoDataset = {
  dataset_dir: text('', 'folder that the other paths start from'),
  image_dir: text('', 'folder of the pictures'),
  anno_path: text(undefined, 'COCO keypoint annotations (JSON)'),
  num_joints: keypointCount,
  trainsize: inputSize,
  pixel_std: pixelStd,
  use_gt_bbox: flag(true, 'crop by the annotated boxes, not by bbox_file'),
  bbox_file: text(undefined, "detector's boxes (JSON), under dataset_dir"),
  image_thre: number(0, 'detections with a lower score are left out', { min: 0, max: 1 }),
  center_scale: leftOut('boxes are not moved at load time'),
  test_mode: unused,
  transform: unused,
};

const mpiiDataset = {
  dataset_dir: cocoDataset.dataset_dir,
  image_dir: cocoDataset.image_dir,
  anno_path: text(undefined, 'MPII annotations (JSON list)'),
  num_joints: keypointCount,
  trainsize: inputSize,
  pixel_std: pixelStd,
  test_mode: unused,
  transform: unused,
};

const imageFolder = {
  dataset_dir: cocoDataset.dataset_dir,
  image_dir: cocoDataset.image_dir,
  anno_path: text(undefined, 'not read: the folder is listed'),
  sample_ratio: unused,
  use_default_label: unused,
};

const trainDatasets = {
  KeypointTopDownCocoDataset: cocoDataset,
  KeypointTopDownMPIIDataset: mpiiDataset,
};

const evalDatasets = { ...trainDatasets, ImageFolder: imageFolder };

const heatmapTarget = {
  hmsize: heatmapSize,
  sigma: number(2, 'width of the Gaussian, heatmap px', { min: 0.1, max: 100 }),
};

const affine = {
  trainsize: inputSize,
  use_udp: flag(false, "cut crops by UDP's rule"),
};

const targets = {
  ToHeatmapsTopDown: heatmapTarget,
  ToHeatmapsTopDown_DARK: heatmapTarget,
  ToHeatmapsTopDown_UDP: heatmapTarget,
};

const pictureOperations = {
  NormalizeImage: {
    mean: numbers([0.485, 0.456, 0.406], 'mean of R, G, B, on a scale of 0 to 1', { length: 3 }),
    std: numbers([0.229, 0.224, 0.225], 'deviation of R, G, B', { length: 3, min: 1e-6 }),
    is_scale: only(true, 'bytes are divided by 255 first'),
    norm_type: only('mean_std', 'how it is normalised'),
  },
  Permute: {},
};

const trainOperations = {
  RandomFlipHalfBodyTransform: {
    trainsize: inputSize,
    upper_body_ids: numbers(undefined, "keypoints of the upper body; the skeleton's by default", {
      integers: true,
      min: 0,
    }),
    flip_pairs: pairs('left and right keypoints'),
    pixel_std: pixelStd,
    scale: number(0.5, 'spread of the random scale', { min: 0, max: 1 }),
    rot: number(40, 'spread of the random rotation, degrees', { min: 0, max: 180 }),
    num_joints_half_body: whole(8, 'half body is tried with more visible keypoints', { min: 0 }),
    prob_half_body: number(0.3, 'how often half body is tried', { min: 0, max: 1 }),
    flip: flag(true, 'mirror half of the crops'),
    rot_prob: number(0.6, 'how often a crop is rotated', { min: 0, max: 1 }),
  },
  TopDownAffine: affine,
  ...targets,
  ...pictureOperations,
};

const evalOperations = { TopDownAffine: affine, ...targets, ...pictureOperations };

const readerExtras = {
  inputs_def: unused,
  use_shared_memory: unused,
  collate_batch: unused,
  num_classes: unused,
};

const warmupSwitch = flag(true, 'whether the warm-up of the list applies');

const schedulers = {
  PiecewiseDecay: {
    milestones: numbers([8, 11], 'epochs after which the rate drops', { integers: true, min: 0 }),
    gamma: numberOrNumbers(
      [0.1, 0.01],
      'base_lr times this after a milestone; a number g means g, g/10, ...',
      {
        min: 0,
      },
    ),
    use_warmup: warmupSwitch,
    values: leftOut('give factors of base_lr as the list gamma'),
  },
  CosineDecay: {
    max_epochs: whole(1000, 'epochs until the rate reaches its end', { min: 1 }),
    min_lr_ratio: number(0, 'end of the rate over base_lr', { min: 0, max: 1 }),
    use_warmup: warmupSwitch,
    last_plateau_epochs: leftOut('the cosine ends without a plateau'),
  },
  LinearWarmup: {
    steps: whole(500, 'steps of warm-up', { min: 0 }),
    start_factor: number(1 / 3, 'base_lr times this at step 0', { min: 0, max: 1 }),
    epochs: whole(undefined, 'epochs of warm-up, instead of steps', { min: 0 }),
    epochs_first: flag(true, 'whether epochs, if given, holds'),
  },
};

const optimizer = {
  type: only('Adam', 'the optimizer'),
  beta1: number(0.9, 'decay of the first moment', { min: 0, max: 0.9999999 }),
  beta2: number(0.999, 'decay of the second moment', { min: 0, max: 0.9999999 }),
  epsilon: number(1e-8, 'added to the root of the second moment', { min: 0 }),
  weight_decay: leftOut('decay is set by OptimizerBuilder.regularizer'),
};

/** All settings, from the top level of a config file. */
export const rootFields = {
  epoch: whole(undefined, 'epochs to train', { min: 1 }),
  snapshot_epoch: whole(1, 'epochs between checkpoints', { min: 1 }),
  log_iter: whole(20, 'steps between log lines, and the window of their means', { min: 1 }),
  save_dir: text('output', 'folder for checkpoints and results'),
  weights: text(undefined, 'weights to score, run or export'),
  pretrain_weights: text(undefined, 'weights that training starts from: a file or a URL'),
  worker_num: whole(2, 'loader threads', { min: 0, max: 256 }),
  use_gpu: flag(true, 'compute on a GPU if the machine has one; --device decides before it'),

  architecture: only('TopDownHRNet', 'the network family'),
  metric: oneOf(
    ['KeyPointTopDownCOCOEval', 'KeyPointTopDownMPIIEval'],
    'KeyPointTopDownCOCOEval',
    'how results are scored',
  ),
  num_joints: keypointCount,
  pixel_std: number(200, 'pixels that a box scale of 1 stands for', { min: 1 }),
  trainsize: inputSize,
  hmsize: heatmapSize,
  flip_perm: pairs('left and right keypoints'),
  skeleton: text(undefined, 'skeleton file (JSON), relative to the working directory (ours)'),

  TopDownHRNet: section({
    backbone: only('HRNet', 'the backbone'),
    loss: only('KeyPointMSELoss', 'the loss'),
    post_process: unused,
    flip_perm: pairs('left and right keypoints'),
    num_joints: keypointCount,
    width: whole(undefined, 'channels of the finest branch', { min: 1, max: 512 }),
    flip: flag(true, 'score the mean of a picture and its mirror image'),
    shift_heatmap: flag(true, 'shift the mirrored heatmaps by one px'),
    use_dark: flag(true, 'refine peaks by DARK; false: quarter offset'),
    dark_kernel: whole(3, "side of DARK's blur, odd, heatmap px (ours)", { min: 1, max: 31 }),
  }),
  HRNet: section({
    width: whole(undefined, 'channels of the finest branch', { min: 1, max: 512 }),
    variant: oneOf(['standard', 'small'], 'standard', 'depth of the network (ours)'),
    norm_momentum: number(0.9, 'share of the old running statistics', { min: 0, max: 1 }),
    norm_decay: only(0, 'decay of batch norm parameters'),
    freeze_at: only(-1, 'stages that are not trained'),
    freeze_norm: only(false, 'whether batch norm is frozen'),
    return_idx: only(0, 'branch that the head reads'),
    has_se: only(false, 'squeeze-and-excitation'),
    upsample: only(false, 'join the branches by upsampling'),
    downsample: only(false, 'join the branches by downsampling'),
  }),
  KeyPointMSELoss: section({
    use_target_weight: flag(true, 'leave out unlabelled keypoints'),
    loss_scale: number(0.5, 'factor of the mean square', { min: 0 }),
  }),
  KeyPointTopDownCOCOEval: section({
    oks_thre: number(0.9, 'OKS above which the weaker of two people is dropped (ours)', {
      min: 0,
      max: 1,
    }),
    in_vis_thre: number(0.2, "keypoints above it make up a person's score (ours)", {
      min: 0,
      max: 1,
    }),
  }),

  LearningRate: section({
    base_lr: number(undefined, 'learning rate before decay', { min: 0 }),
    schedulers: objects(schedulers, 'decay and warm-up'),
  }),
  OptimizerBuilder: section({
    optimizer: section(optimizer),
    regularizer: optionalSection({
      type: only('L2', 'kind of decay'),
      factor: number(0, 'added to the gradient, times the parameter', { min: 0 }),
    }),
    clip_grad_by_norm: leftOut('gradients are not clipped'),
    clip_grad_by_value: leftOut('gradients are not clipped'),
  }),

  TrainDataset: object(trainDatasets, 'data to train on'),
  EvalDataset: object(evalDatasets, 'data to score on'),
  TrainReader: section({
    sample_transforms: operations(trainOperations, 'per crop'),
    batch_transforms: operations(pictureOperations, 'per batch'),
    batch_size: whole(1, 'crops a step and process', { min: 1, max: 65536 }),
    shuffle: flag(false, 'new order in every epoch'),
    drop_last: flag(false, 'leave out the last, smaller batch'),
    ...readerExtras,
  }),
  EvalReader: section({
    sample_transforms: operations(evalOperations, 'per crop'),
    batch_transforms: operations(pictureOperations, 'per batch'),
    batch_size: whole(1, 'crops a step', { min: 1, max: 65536 }),
    shuffle: leftOut('scoring keeps the order of the data set'),
    drop_last: leftOut('scoring leaves nothing out'),
    ...readerExtras,
  }),

  use_ema: leftOut('training keeps no moving average of the weights'),
  amp: leftOut('everything is computed in float32'),
  norm_type: only('bn', 'batch norm is over the batch of one process'),
  HRNetPostProcess: leftOut('set TopDownHRNet.use_dark and TopDownHRNet.dark_kernel instead'),
  fuse_normalize: unused,
  TestDataset: unused,
  TestReader: unused,
  train_height: unused,
  train_width: unused,
  global_mean: unused,
  global_std: unused,
  use_xpu: unused,
  use_mlu: unused,
  use_npu: unused,
  use_gcu: unused,
  num_classes: unused,
  find_unused_parameters: unused,
  cudnn_exhaustive_search: unused,
  print_flops: unused,
  print_params: unused,
  print_mem_info: unused,
  export: unused,
  ema_decay: unused,
  ema_decay_type: unused,
  init_loss_scaling: unused,
  master_grad: unused,
};
