// Memory that new work can have, in bytes.
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';

function meminfo(): string {
  try {
    return readFileSync('/proc/meminfo', 'utf8');
  } catch {
    return '';
  }
}

/** What the kernel expects to be able to give without swapping, bounded by the limit of the cgroup. */
export function availableMemory(): number {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo())?.[1];
  const free = kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
  const limit = process.constrainedMemory();
  const bounded = limit > 0 && limit < totalmem();
  return bounded ? Math.max(0, Math.min(free, limit - process.memoryUsage.rss())) : free;
}
