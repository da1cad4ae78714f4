// All families of detectors, in the order in which a file is held against them.
import type { DetectorFamily } from '../family.ts';
import { detr } from './detr.ts';
import { paddle } from './paddle.ts';
import { paddleRaw } from './paddleRaw.ts';
import { rtdetr } from './rtdetr.ts';
import { yoloEndToEnd, yolov8 } from './yolov8.ts';
import { yolov5, yolox } from './yolox.ts';

export const families: readonly DetectorFamily[] = [
  paddle,
  rtdetr,
  detr,
  paddleRaw,
  yolox,
  yolov5,
  yoloEndToEnd,
  yolov8,
];
