// Progress of a job with several parts: one live line for the part that runs now.
import { createProgress, type Progress } from '../../progress.ts';

export interface Reporter {
  /** `done` of `total` bytes of what `label` names. */
  update(label: string, done: number, total: number): void;
  line(text: string): void;
  event(name: string, fields: Readonly<Record<string, unknown>>): void;
  end(): void;
}

export function createReporter(json: boolean): Reporter {
  const quiet = createProgress({ label: '', total: 0, unit: 'bytes', json });
  let label = '';
  let current: Progress | undefined;
  const end = () => {
    current?.end();
    current = undefined;
  };
  return {
    update(next, done, total) {
      if (current === undefined || next !== label) {
        end();
        label = next;
        current = createProgress({ label, total, unit: 'bytes', begun: done, json });
      }
      current.update(done);
    },
    line: (text) => (current ?? quiet).line(text),
    event: (name, fields) => (current ?? quiet).event(name, fields),
    end,
  };
}
