// All pictures with their people on one sheet, small. People are drawn after the picture has been made
// small, so that lines stay clear.
import { dirname } from 'node:path';
import sharp from 'sharp';
import { writePicture } from '../data/writePicture.ts';
import { type DrawnPose, drawPoses } from '../pose/drawPose.ts';
import { drawGrid, type GridCell, paste } from '../pose/grid.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import type { RgbImage } from '../pose/warp.ts';
import { makeFolder } from '../train/durable.ts';

const view = { width: 320, height: 240 };
const columns = 4;
/** More than these would make a sheet that few programs open. */
const mostPictures = 400;

export class ContactSheet {
  readonly #skeleton: Skeleton;
  readonly #cells: GridCell[] = [];

  constructor(skeleton: Skeleton) {
    this.#skeleton = skeleton;
  }

  /** Leaves `image` as it is. Pictures after the first 400 are not shown. */
  async add(
    index: number,
    name: string,
    image: RgbImage,
    poses: readonly DrawnPose[],
    threshold: number,
  ): Promise<void> {
    if (index >= mostPictures) return;
    const shrink = Math.min(view.width / image.width, view.height / image.height);
    const width = Math.max(1, Math.round(image.width * shrink));
    const height = Math.max(1, Math.round(image.height * shrink));
    const raw = { width: image.width, height: image.height, channels: 3 } as const;
    const data = await sharp(image.data, { raw })
      .resize(width, height, { fit: 'fill' })
      .raw()
      .toBuffer();
    const small: RgbImage = { width, height, data };
    const [sx, sy] = [width / image.width, height / image.height];
    // Pixel (i, j) has its middle at (i, j): the edge of the picture is at -0.5.
    const moved = (value: number, s: number) => (value + 0.5) * s - 0.5;
    const keypoints = (pose: DrawnPose) =>
      Array.from(pose.keypoints, (value, i) =>
        i % 3 === 0 ? moved(value, sx) : i % 3 === 1 ? moved(value, sy) : value,
      );
    const people = poses.map((pose) => ({ score: pose.score, keypoints: keypoints(pose) }));
    drawPoses(small, people, { skeleton: this.#skeleton, threshold, plain: true });
    const framed = { ...view, data: new Uint8Array(view.width * view.height * 3).fill(40) };
    paste(framed, small, (view.width - width) >> 1, (view.height - height) >> 1);
    const count = `${poses.length} ${poses.length === 1 ? 'person' : 'people'}`;
    this.#cells[index] = { views: [framed], caption: `${count}  ${name}` };
  }

  /** PNG or JPEG, by the file's ending. */
  async write(file: string): Promise<void> {
    const cells = this.#cells.filter((cell) => cell !== undefined);
    makeFolder(dirname(file));
    await writePicture(file, drawGrid(cells, { columns, view, viewsPerCell: 1 }));
  }
}
