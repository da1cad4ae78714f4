// The picture with what was found in it, and boxes that are drawn, moved and resized on it by pointer or
// keyboard. One canvas at the screen's resolution.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Box, Pose, PoseModel } from '../src/web/index.ts';
import { cornersOf, handleSize, paintBox, paintHeatmaps, paintSkeleton } from './paint.ts';

export interface ShownPicture {
  readonly source: ImageBitmap | OffscreenCanvas;
  readonly width: number;
  readonly height: number;
}

interface StageProps {
  readonly picture: ShownPicture;
  readonly model: PoseModel | undefined;
  readonly poses: readonly Pose[];
  readonly boxes: readonly Box[];
  readonly selected: number | undefined;
  /** `done` when the pointer is released. */
  readonly onBoxes: (boxes: readonly Box[], selected: number | undefined, done: boolean) => void;
  readonly heatmaps: boolean;
  /** The keypoint whose heatmap alone is shown. */
  readonly only: number | undefined;
}

type Point = readonly [number, number];
/** What the pointer does: draws a box from a corner, moves one, or pulls a corner of one. */
type Drag =
  | { readonly kind: 'draw'; readonly index: number; readonly from: Point }
  | { readonly kind: 'move'; readonly index: number; readonly from: Point; readonly box: Box };

/** Of the picture on the screen, so that all of it is in view. */
const tallest = '76vh';

/** Smaller boxes are slips of the pointer, in screen px. */
const smallest = 6;

export function Stage(props: StageProps) {
  const { picture, selected } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useRef<Drag | undefined>(undefined);
  // Pointers may move on before the page has drawn what they did.
  const latest = useRef(props.boxes);
  latest.current = props.boxes;
  const onBoxes: StageProps['onBoxes'] = (boxes, index, done) => {
    latest.current = boxes;
    props.onBoxes(boxes, index, done);
  };
  const width = useWidth(canvas);
  const zoom = width / picture.width;
  useLayoutEffect(() => {
    if (canvas.current && width > 0) paint(canvas.current, props, zoom);
  });
  const at = ({ clientX, clientY }: PointerEvent): Point => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    return [
      clamp((clientX - left) / zoom, 0, picture.width),
      clamp((clientY - top) / zoom, 0, picture.height),
    ];
  };
  const onPointerDown = (event: PointerEvent) => {
    canvas.current!.setPointerCapture(event.pointerId);
    const point = at(event);
    const boxes = latest.current;
    drag.current = grab(point, boxes, selected, handleSize / zoom);
    const { kind, index } = drag.current;
    const drawn = kind === 'draw' && index === boxes.length;
    onBoxes(drawn ? [...boxes, [...point, 0, 0]] : boxes, index, false);
  };
  const onPointerMove = (event: PointerEvent) => {
    const now = drag.current;
    if (!now) return;
    const next = latest.current.with(now.index, dragged(now, at(event), picture));
    onBoxes(next, now.index, false);
  };
  const onPointerUp = () => {
    const now = drag.current;
    drag.current = undefined;
    if (!now) return;
    const boxes = latest.current;
    const [, , w, h] = boxes[now.index]!;
    const slip = Math.min(w, h) * zoom < smallest;
    if (slip) onBoxes(boxes.toSpliced(now.index, 1), undefined, true);
    else onBoxes(boxes, now.index, true);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (selected === undefined) return;
    const boxes = latest.current;
    const box = boxes[selected]!;
    const next = keyed(event, box, picture);
    if (next === undefined) return;
    event.preventDefault();
    if (next === 'remove') onBoxes(boxes.toSpliced(selected, 1), undefined, true);
    else onBoxes(boxes.with(selected, next), selected, true);
  };
  return (
    <canvas
      ref={canvas}
      style={{ width: `min(100%, calc(${tallest} * ${picture.width / picture.height}))` }}
      tabIndex={0}
      role="img"
      aria-label="Picture. Drag to draw a box around a person; arrow keys move the selected box, with Shift they resize it, Delete removes it."
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onKeyDown={onKeyDown}
    />
  );
}

/** The element's width in CSS px, as it changes. */
function useWidth(canvas: { readonly current: HTMLCanvasElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    watcher.observe(canvas.current!);
    return () => watcher.disconnect();
  }, [canvas]);
  return width;
}

function paint(canvas: HTMLCanvasElement, props: StageProps, zoom: number): void {
  const { picture, model, poses, boxes, selected, heatmaps, only } = props;
  const scale = zoom * devicePixelRatio;
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  const context = canvas.getContext('2d')!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture.source, 0, 0);
  const pixel = 1 / zoom;
  if (model && heatmaps) for (const pose of poses) paintHeatmaps(context, pose, model, only);
  boxes.forEach((box, i) => {
    paintBox(context, box, pixel, i === selected);
  });
  if (model)
    for (const { keypoints } of poses) paintSkeleton(context, keypoints, model.skeleton, pixel);
}

/** A corner of the selected box, else the topmost box under the point, else a new box. */
function grab(
  point: Point,
  boxes: readonly Box[],
  selected: number | undefined,
  reach: number,
): Drag {
  if (selected !== undefined) {
    const corners = cornersOf(boxes[selected]!);
    const near = corners.findIndex(([x, y]) => Math.hypot(x - point[0], y - point[1]) <= reach);
    if (near >= 0) return { kind: 'draw', index: selected, from: corners[(near + 2) % 4]! };
  }
  const index = boxes.findLastIndex(([x, y, w, h]) => {
    const [dx, dy] = [point[0] - x, point[1] - y];
    return dx >= 0 && dy >= 0 && dx <= w && dy <= h;
  });
  if (index >= 0) return { kind: 'move', index, from: point, box: boxes[index]! };
  return { kind: 'draw', index: boxes.length, from: point };
}

function dragged(drag: Drag, [px, py]: Point, picture: ShownPicture): Box {
  const [fx, fy] = drag.from;
  if (drag.kind === 'draw') {
    return [Math.min(fx, px), Math.min(fy, py), Math.abs(px - fx), Math.abs(py - fy)];
  }
  const [x, y, w, h] = drag.box;
  return moved([x + px - fx, y + py - fy, w, h], picture);
}

const arrows: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** What a key makes of the selected box; undefined for keys that mean nothing to it. */
function keyed({ key, shiftKey }: KeyboardEvent, box: Box, picture: ShownPicture) {
  if (key === 'Delete' || key === 'Backspace') return 'remove' as const;
  const arrow = arrows[key];
  if (!arrow) return undefined;
  const step = Math.max(1, Math.round(picture.width / 100));
  const [dx, dy] = [arrow[0] * step, arrow[1] * step];
  const [x, y, w, h] = box;
  if (!shiftKey) return moved([x + dx, y + dy, w, h], picture);
  const sized = (side: number, by: number, most: number) => clamp(side + by, step, most);
  return [x, y, sized(w, dx, picture.width - x), sized(h, dy, picture.height - y)] as const;
}

/** The box inside the picture. */
const moved = ([x, y, w, h]: Box, { width, height }: ShownPicture): Box => [
  clamp(x, 0, Math.max(0, width - w)),
  clamp(y, 0, Math.max(0, height - h)),
  w,
  h,
];

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
