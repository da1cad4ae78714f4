// Durations, byte counts and other numbers as people read them.

/** 3.2 s, 4m 05s, 2h 07m, 3d 04h. `seconds` is not negative. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const pair = (value: number, unit: string, part: number, partUnit: string) =>
    `${value}${unit} ${String(part).padStart(2, '0')}${partUnit}`;
  if (whole < 3600) return pair(Math.floor(whole / 60), 'm', whole % 60, 's');
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
  const hours = Math.floor(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** 512 B, 1.50 kB, 28.6 MB: powers of 1000 as disks and COCO's pages use them, three digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${byteUnits[unit]}`;
}

/** A number for a file or a line of JSON, with so many decimals at the most. */
export const rounded = (value: number, digits: number) => Number(value.toFixed(digits));

/** 0.123, 4.56, 78.9, 1234: three significant digits for a rate. */
export function formatRate(rate: number): string {
  if (!Number.isFinite(rate)) return '?';
  const digits = rate >= 99.95 ? 0 : rate >= 9.995 ? 1 : rate >= 0.9995 ? 2 : 3;
  return rate.toFixed(digits);
}
