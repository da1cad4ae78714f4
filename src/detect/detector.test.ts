import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { HrposeError } from '../errors.ts';
import { temporaryFolder } from '../temporaryFolder.testing.ts';
import { openDetector } from './detector.ts';
import { ModelBuilder } from './onnxModel.testing.ts';
import {
  blobPicture,
  detrModel,
  paddleBoxesModel,
  paddleModel,
  picoRawModel,
  rtdetrModel,
  yoloEndToEndModel,
  yolov5Model,
  yolov8Model,
  yoloxModel,
} from './redBlob.testing.ts';

const folder = temporaryFolder();

function write(name: string, content: Uint8Array | string): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

const coco80 = 80;
const size = 128;
const cells = 16 * 16 + 8 * 8 + 4 * 4;
const models = {
  'yolox raw': ['yolox', yoloxModel(size, coco80, false)],
  'yolox decoded': ['yolox', yoloxModel(size, coco80, true)],
  'yolox for people alone': ['yolox', yoloxModel(size, 1, false)],
  yolov5: ['yolov5', yolov5Model(size)],
  yolov8: ['yolov8', yolov8Model(size, { classes: 80, person: 0, rows: cells })],
  'yolov8 turned': [
    'yolov8',
    yolov8Model(size, { classes: 80, person: 0, rows: cells, turned: true }),
  ],
  'yolov8 with names': [
    'yolov8',
    yolov8Model(size, { classes: 2, person: 1, rows: cells, names: "{0: 'dog', 1: 'person'}" }),
  ],
  'yolov8 with open sizes': [
    'yolov8',
    yolov8Model(size, {
      classes: 1,
      person: 0,
      rows: cells,
      names: "{0: 'person'}",
      openSize: true,
    }),
  ],
  "ultralytics' rt-detr": [
    'yolov8',
    yolov8Model(size, { classes: 80, person: 0, rows: 300, turned: true, shares: true }),
  ],
  'yolo end to end': ['yolo-end-to-end', yoloEndToEndModel(size)],
  picodet: ['paddle', paddleModel(size, false)],
  "paddle's rt-detr": ['paddle', paddleModel(size, true)],
  'pp-yoloe without suppression': ['paddle-raw', paddleBoxesModel(size)],
  'picodet without suppression': ['paddle-raw', picoRawModel(size)],
  'rt-detr': ['rtdetr', rtdetrModel(size)],
  "transformers' rt-detr": ['detr', detrModel(size, false)],
  'rf-detr': ['detr', detrModel(size, true)],
} as const;

for (const [name, [kind, model]] of Object.entries(models)) {
  test(`${name}: is recognised and finds the person in wide and tall pictures`, async () => {
    const detector = await openDetector(write(`${name}.onnx`, model));
    try {
      assert.equal(detector.kind, kind);
      for (const [width, height] of [
        [200, 120],
        [97, 160],
      ] as const) {
        const red = [14, 22, 60, 83] as const;
        const people = await detector.detect(blobPicture(width, height, red));
        assert.equal(people.length, 1);
        const [{ box, score }] = people as [(typeof people)[number]];
        assert.ok(score > 0.8);
        // The models see whole pixels of an input up to 1.6 times coarser than the picture.
        box.forEach((value, i) => {
          assert.ok(Math.abs(value - red[i]!) <= 2.4, `[${box}] for [${red}]`);
        });
      }
      assert.deepEqual(await detector.detect(blobPicture(50, 50, [0, 0, 0, 0])), []);
    } finally {
      await detector.close();
    }
  });
}

test('calls that overlap take turns, and close waits for them', async () => {
  const detector = await openDetector(write('turns.onnx', yoloxModel(64, 1, false)));
  const pictures = [10, 20, 30].map((x) => blobPicture(80, 64, [x, 20, 12, 30]));
  const found = Promise.all(pictures.map((picture) => detector.detect(picture)));
  await detector.close();
  (await found).forEach(([person], i) => {
    assert.ok(Math.abs(person!.box[0] - 10 * (i + 1)) < 2);
  });
  await assert.rejects(detector.detect(pictures[0]!), /after close/);
});

test("infer_cfg.yml beside PaddleDetection's model tells how pictures are normalised", async () => {
  const file = write('ppyoloe/model.onnx', paddleModel(64, false));
  const config = 'Preprocess:\n- {type: Resize, target_size: [64, 64], keep_ratio: false}\n';
  const picture = blobPicture(64, 64, [20, 20, 20, 30]);
  const people = async () => {
    const detector = await openDetector(file);
    const found = await detector.detect(picture);
    await detector.close();
    return { found: found.length, notes: detector.notes.length };
  };
  assert.deepEqual(await people(), { found: 1, notes: 1 });
  write(
    'ppyoloe/infer_cfg.yml',
    `${config}- type: NormalizeImage\n  is_scale: true\n  mean: [0.485, 0.456, 0.406]\n  std: [0.229, 0.224, 0.225]\nlabel_list: [person, bicycle]\n`,
  );
  assert.deepEqual(await people(), { found: 1, notes: 0 });
  write('ppyoloe/infer_cfg.yml', `${config}- {type: NormalizeImage, norm_type: none}\n`);
  assert.deepEqual(await people(), { found: 0, notes: 0 }, 'values from 0 to 1 look grey to it');
  write('ppyoloe/infer_cfg.yml', `${config}- {type: NormalizeImage, mean: grey}\n`);
  await assert.rejects(people(), /infer_cfg.yml.*'mean'/s);
  write('ppyoloe/infer_cfg.yml', 'label_list: [helmet, vest]\n');
  await assert.rejects(people(), /finds helmet, vest, but no people/);
});

const refused = (pattern: RegExp, exitCode: number) => (error: unknown) =>
  error instanceof HrposeError && error.exitCode === exitCode && pattern.test(error.message);

test('other models are refused with what they have and what is understood', async () => {
  const b = new ModelBuilder();
  const image = b.input('x', 'float32', [1, 3, 32, 32]);
  b.output('probabilities', 'float32', [1, 1000], b.op('Flatten', [image]));
  const file = write('classifier.onnx', b.build());
  await assert.rejects(
    openDetector(file),
    refused(/x float32 \[1, 3, 32, 32\].*probabilities float32 \[1, 1000\].*yolox/s, 3),
  );
  await assert.rejects(openDetector(file, { kind: 'yoloxx' }), refused(/Did you mean 'yolox'/, 2));
  await assert.rejects(
    openDetector(file, { kind: 'yolov8' }).then((d) => d.detect(blobPicture(32, 32, [0, 0, 0, 0]))),
    refused(/./, 3),
  );
});

test('half precision, whole batches and files that are no models are refused', async () => {
  const half = new ModelBuilder();
  half.output('output0', 'float32', [1, 84, 84], half.input('images', 'float16', [1, 3, 64, 64]));
  await assert.rejects(openDetector(write('half.onnx', half.build())), refused(/float16/, 3));
  const batch = new ModelBuilder();
  batch.output('output0', 'float32', [1, 84, 99], batch.input('images', 'float32', [8, 3, 64, 64]));
  await assert.rejects(openDetector(write('batch.onnx', batch.build())), refused(/takes 8/, 3));
  await assert.rejects(openDetector(join(folder, 'none.onnx')), refused(/there is none/, 3));
  for (const content of ['', 'no model', '\x3a\xff\xff\xff\x7f', '{"a": 1}'])
    await assert.rejects(openDetector(write('bad.onnx', content)), refused(/ONNX model/, 3));
  const whole = yoloxModel(64, 1, false);
  await assert.rejects(openDetector(write('cut.onnx', whole.subarray(0, 500))), refused(/ONNX/, 3));
});
