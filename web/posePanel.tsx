// The keypoints of the chosen pose with their scores. Pointing at one shows its heatmap alone.
import type { Pose, Skeleton } from '../src/web/index.ts';
import { keypointColours, shownFrom } from './paint.ts';

interface PosePanelProps {
  readonly skeleton: Skeleton;
  readonly poses: readonly Pose[];
  readonly selected: number | undefined;
  readonly onSelect: (index: number) => void;
  readonly onKeypoint: (keypoint: number | undefined) => void;
  /** Shown over the picture: then the keyboard reaches the keypoints as the pointer does. */
  readonly heatmaps: boolean;
}

export function PosePanel(props: PosePanelProps) {
  const { skeleton, poses, selected, onSelect, onKeypoint, heatmaps } = props;
  const index = Math.min(selected ?? 0, poses.length - 1);
  const { keypoints, score } = poses[index]!;
  const colours = keypointColours(skeleton);
  return (
    <div class="panel">
      <h2>
        Keypoints <span class="quiet">score {score.toFixed(2)}</span>
      </h2>
      {poses.length > 1 && (
        <div class="row">
          {poses.map((_, i) => (
            <button
              type="button"
              key={i}
              aria-label={`Person ${i + 1}`}
              aria-pressed={i === index}
              class={i === index ? 'main' : ''}
              onClick={() => onSelect(i)}
            >
              {i + 1}
            </button>
          ))}
        </div>
      )}
      <table onMouseLeave={() => onKeypoint(undefined)} onFocusOut={() => onKeypoint(undefined)}>
        <thead>
          <tr>
            <th>name</th>
            <th>x</th>
            <th>y</th>
            <th colSpan={2}>score</th>
          </tr>
        </thead>
        <tbody>
          {skeleton.keypoints.map((name, k) => {
            const [x, y, certainty] = keypoints.subarray(3 * k, 3 * k + 3);
            return (
              <tr
                key={name}
                class={certainty! < shownFrom ? 'weak' : ''}
                tabIndex={heatmaps ? 0 : undefined}
                onMouseEnter={() => onKeypoint(k)}
                onFocus={() => onKeypoint(k)}
              >
                <td>{name.replaceAll('_', ' ')}</td>
                <td>{x!.toFixed(0)}</td>
                <td>{y!.toFixed(0)}</td>
                <td>{certainty!.toFixed(2)}</td>
                <td>
                  <span class="bar">
                    <i
                      style={{
                        width: `${100 * Math.min(1, Math.max(0, certainty!))}%`,
                        background: colours[k],
                      }}
                    />
                  </span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
