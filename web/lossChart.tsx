// The loss of every step, and its running mean.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** Share of the last step in the running mean. */
const newest = 0.05;

export function LossChart({ losses, steps }: { losses: readonly number[]; steps: number }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    const ink = getComputedStyle(document.body).color;
    const width = place.current!.clientWidth;
    chart.current = new uPlot(optionsFor(width, ink), [[], [], []], place.current!);
    const watcher = new ResizeObserver(([entry]) =>
      chart.current!.setSize({ width: entry!.contentRect.width, height: 230 }),
    );
    watcher.observe(place.current!);
    return () => {
      watcher.disconnect();
      chart.current!.destroy();
    };
  }, []);
  useEffect(() => {
    const x = losses.map((_, i) => i + 1);
    chart.current!.setData([x, [...losses], runningMean(losses)], true);
    chart.current!.setScale('x', {
      min: 0,
      max: Math.max(10, Math.min(steps, losses.length * 1.1)),
    });
  }, [losses.length, steps]);
  return <div class="chart" ref={place} />;
}

function runningMean(losses: readonly number[]): number[] {
  let mean = losses[0] ?? 0;
  return losses.map((loss) => {
    mean += newest * (loss - mean);
    return mean;
  });
}

function optionsFor(width: number, ink: string): uPlot.Options {
  const axis = { stroke: ink, grid: { stroke: 'rgb(128 128 128 / 0.2)' }, ticks: { show: false } };
  const points = { show: false };
  const value = (_: uPlot, v: number | null) => (v === null ? '–' : v.toPrecision(4));
  return {
    width,
    height: 230,
    scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low), high * 1.05] } },
    axes: [
      { ...axis, label: 'step', labelSize: 20, size: 34 },
      {
        ...axis,
        size: 64,
        values: (_, ticks) => ticks.map((t) => String(Number(t.toPrecision(3)))),
      },
    ],
    series: [
      { label: 'step' },
      { label: 'loss', points, stroke: 'rgb(128 138 150 / 0.55)', width: 1, value },
      { label: 'running mean', points, stroke: '#12a37a', width: 2, value },
    ],
  };
}
