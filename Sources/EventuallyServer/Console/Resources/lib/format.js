// Numbers, times and sizes as text. Pure functions.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** `12,345`; a dash where it is not known. */
export function count(number) {
  return number === null || number === undefined ? '–' : whole.format(number);
}

/** A count for a narrow place: `12.3 k`. */
export function brief(number) {
  if (number === null || number === undefined) return '–';
  for (const [limit, unit] of [[1e9, ' G'], [1e6, ' M'], [1e4, ' k']]) {
    if (Math.abs(number) >= limit) return one.format(number / (unit === ' k' ? 1e3 : limit)) + unit;
  }
  return Math.abs(number) < 10 ? one.format(number) : whole.format(number);
}

/** A count with its noun: `1 event`, `2 events`. */
export function counted(number, noun, plural = `${noun}s`) {
  return `${count(number)} ${number === 1 ? noun : plural}`;
}

/** A whole number of the last decimal, as a decimal number: `amount(12345, 4)` is 1.2345. */
export function amount(number, decimals) {
  return (number / 10 ** decimals).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: decimals });
}

/** A rate by the second. */
export function rate(number) {
  return number === null || number === undefined ? '–' : `${brief(number)}/s`;
}

/** A share of a core: `12 %`. */
export function percent(number) {
  return number === null || number === undefined ? '–' : `${whole.format(number)} %`;
}

/** A duration of so many milliseconds, in two digits or so. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return '–';
  const ms = Math.abs(milliseconds);
  if (ms === 0) return '0 ms';
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${one.format(ms)} ms`;
  if (ms < 1000) return `${whole.format(ms)} ms`;
  if (ms < 10_000) return `${one.format(ms / 1000)} s`;
  if (ms < 120_000) return `${whole.format(ms / 1000)} s`;
  if (ms < 7_200_000) return `${whole.format(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${whole.format(ms / 3_600_000)} h`;
  return `${whole.format(ms / 86_400_000)} days`;
}

/** A size: `1.2 MB`. */
export function bytes(number) {
  if (number === null || number === undefined) return '–';
  for (const [limit, unit] of [[2 ** 30, 'GB'], [2 ** 20, 'MB'], [2 ** 10, 'KB']]) {
    if (number >= limit) return `${one.format(number / limit)} ${unit}`;
  }
  return `${number} B`;
}

/** The time of day with milliseconds, of today; with the date where it is another day. In UTC, as logs have it. */
export function time(text, now = Date.now()) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return '–';
  const iso = date.toISOString();
  const isToday = iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  return isToday ? iso.slice(11, 23) : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

/** The time of day to the second, with its zone: `19:43:04 UTC`. */
export function clock(time) {
  return `${new Date(time).toISOString().slice(11, 19)} UTC`;
}

/** How old a figure of so many milliseconds is: `now`, `3 s ago`. */
export function age(milliseconds) {
  return milliseconds < 1000 ? 'now' : `${duration(milliseconds)} ago`;
}

/** How long ago: `3 s ago`. */
export function ago(text, now = Date.now()) {
  const date = new Date(text).getTime();
  if (Number.isNaN(date)) return '–';
  return age(now - date);
}

/** Whole numbers in their order, with what is next to each other as a range: `0–3 7`. */
export function ranges(numbers) {
  const found = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last && last[1] + 1 === number) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : last === first + 1 ? `${first} ${last}` : `${first}–${last}`)).join(' ');
}

/** An id that fits a narrow place: its beginning and its end. */
export function shortID(id) {
  return id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-6)}` : id;
}
