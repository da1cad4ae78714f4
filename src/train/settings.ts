// The typed settings that training and scoring work from, whatever file they were written in.
// config.ts resolves a PaddleDetection YAML file and `-o` options into this shape.
import type { Size } from '../data/record.ts';
import type { Skeleton } from '../pose/skeleton.ts';

export interface DatasetSettings {
  readonly kind: 'coco' | 'mpii' | 'images';
  readonly datasetDir: string;
  /** Absolute or relative to the working directory, already joined with datasetDir. */
  readonly imageDir: string;
  readonly annoPath: string;
  readonly useGtBbox: boolean;
  /** Detection boxes (JSON), used when useGtBbox is false. */
  readonly bboxFile?: string;
  /** Detections with a lower score are left out. */
  readonly imageThre: number;
  readonly pixelStd: number;
}

/** RandomFlipHalfBodyTransform (spec 3.6); absent for evaluation. */
export interface AugmentSettings {
  readonly scaleFactor: number;
  /** Degrees. */
  readonly rotationFactor: number;
  readonly rotationProbability: number;
  readonly flip: boolean;
  readonly halfBodyProbability: number;
  /** Half body is considered with more visible keypoints than this. */
  readonly halfBodyKeypoints: number;
  readonly upperBody: readonly number[];
}

export interface LearningRateSettings {
  readonly base: number;
  readonly schedule:
    | {
        readonly kind: 'piecewise';
        readonly milestones: readonly number[];
        readonly gammas: readonly number[];
      }
    | { readonly kind: 'cosine'; readonly maxEpochs: number; readonly minLrRatio: number };
  /** Linear warm-up; steps 0 means none. With epochs set it overrides steps. */
  readonly warmup: {
    readonly startFactor: number;
    readonly steps: number;
    readonly epochs?: number;
  };
}

export interface Settings {
  /** Base name of the config file without extension. */
  readonly name: string;
  readonly skeleton: Skeleton;
  readonly model: {
    /** A row of models/hrnetConfigs.ts. */
    readonly variant: 'hrnet' | 'hrnet-small';
    readonly width: number;
    readonly keypoints: number;
  };
  readonly inputSize: Size;
  readonly heatmapSize: Size;
  readonly normalize: { readonly mean: readonly number[]; readonly std: readonly number[] };
  readonly target: { readonly codec: 'standard' | 'dark' | 'udp'; readonly sigma: number };
  readonly loss: { readonly useTargetWeight: boolean; readonly lossScale: number };
  readonly learningRate: LearningRateSettings;
  readonly optimizer: {
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    readonly l2: number;
  };
  readonly bnMomentum: number;
  readonly train: {
    readonly dataset: DatasetSettings;
    readonly batchSize: number;
    readonly shuffle: boolean;
    readonly dropLast: boolean;
    readonly augment: AugmentSettings;
    /** Affine by UDP's rule (spec 3.8). */
    readonly udp: boolean;
  };
  readonly eval: {
    readonly dataset: DatasetSettings;
    readonly batchSize: number;
    readonly flipTest: boolean;
    readonly shiftHeatmap: boolean;
    readonly useDark: boolean;
    readonly darkKernel: number;
    readonly oksThreshold: number;
    readonly visibilityThreshold: number;
    readonly udp: boolean;
  };
  readonly epochs: number;
  readonly snapshotEpoch: number;
  readonly logIter: number;
  readonly workers: number;
  /** Whether a GPU may be used where the command line does not say. */
  readonly useGpu: boolean;
  readonly saveDir: string;
  readonly pretrainWeights?: string;
  readonly weights?: string;
}
