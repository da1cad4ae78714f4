// Data for timing the evaluation: random people in random pictures, with results near them. Sizes as
// in COCO's validation set; only time is of interest here, not the scores.
import { philox } from '../data/philox.ts';

/** Ground truth and results as COCO JSON holds them. */
export function randomEvaluation(images: number, keypoints: number, seed: number) {
  const rng = philox(seed, 0, 0, 'evaluation');
  const annotations: object[] = [];
  const results: object[] = [];
  const sides = { width: 640, height: 480 };
  for (let image = 1; image <= images; image++) {
    for (let person = rng.integer(5); person > 0; person--) {
      const [w, h] = [30 + rng.uniform() * 300, 40 + rng.uniform() * 350];
      const [x, y] = [rng.uniform() * (sides.width - 30), rng.uniform() * (sides.height - 40)];
      const truth: number[] = [];
      const found: number[] = [];
      let labelled = 0;
      for (let k = 0; k < keypoints; k++) {
        const [px, py] = [x + rng.uniform() * w, y + rng.uniform() * h];
        const v = rng.uniform() < 0.3 ? 0 : 2;
        truth.push(v ? px : 0, v ? py : 0, v);
        found.push(px + rng.normal() * 0.03 * w, py + rng.normal() * 0.03 * h, rng.uniform());
        if (v > 0) labelled++;
      }
      annotations.push({
        id: annotations.length + 1,
        image_id: image,
        category_id: 1,
        bbox: [x, y, w, h],
        area: w * h * 0.6,
        iscrowd: 0,
        num_keypoints: labelled,
        keypoints: truth,
      });
      for (let copy = 1 + rng.integer(3); copy > 0; copy--)
        results.push({ image_id: image, category_id: 1, keypoints: found, score: rng.uniform() });
    }
  }
  const gt = {
    images: Array.from({ length: images }, (_, i) => ({ id: i + 1, file_name: '', ...sides })),
    annotations,
    categories: [{ id: 1, name: 'person' }],
  };
  return { gt, dt: results };
}
