// Scales of charts. Pure functions.

/** A round number at or above `top`: a few times a power of ten, of which a quarter is round enough too. */
export function roundTop(top) {
  if (!(top > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((limit) => limit >= top * 0.999);
}

function evenly(count) {
  return Array.from({ length: count }, (_, index) => (count < 2 ? 0 : index / (count - 1)));
}

/** Where points stand between 0 and 1: by their times, or one after another where they have none. */
export function places(times) {
  const moments = times.map((time) => Date.parse(time));
  const [first, last] = [moments[0], moments.at(-1)];
  const isTime = last > first && moments.every((moment, index) => index === 0 || moment >= moments[index - 1]);
  return isTime ? moments.map((moment) => (moment - first) / (last - first)) : evenly(times.length);
}

/** The index of the place that is next to a part between 0 and 1. */
export function nearest(part, placed) {
  let found = 0;
  placed.forEach((place, index) => {
    if (Math.abs(place - part) < Math.abs(placed[found] - part)) found = index;
  });
  return found;
}

/** Where lines go across a chart: five values from 0 to a round top. */
export function ticks(top) {
  const limit = roundTop(top);
  return [0, 0.25, 0.5, 0.75, 1].map((part) => part * limit);
}

/** Which points have their times written below them: five at most, the first and the last, and none so near to another that they overlap. */
export function labelled(placed) {
  if (placed.length === 0) return [];
  const last = placed.length - 1;
  const between = [...new Set([0, 0.25, 0.5, 0.75].map((part) => nearest(part, placed)))];
  const kept = between.filter((index, number) => number === 0 || placed[index] - placed[between[number - 1]] > 0.18);
  return [...kept.filter((index) => index === 0 || 1 - placed[index] > 0.18), ...(last > 0 ? [last] : [])];
}

/** The average and the largest of the points that are known; null where none is. */
export function summary(points) {
  const known = points.filter((value) => value !== null && value !== undefined);
  if (known.length === 0) return null;
  return { average: known.reduce((sum, value) => sum + value, 0) / known.length, most: Math.max(...known) };
}

/**
 * The runs of points that are known, as paths.
 * @param points numbers, `null` for what is not known: a line has a gap there.
 * @param placed where the points stand, between 0 and 1; evenly where that is not said.
 */
export function paths(points, { width, height, top }, placed = evenly(points.length)) {
  const x = (index) => (placed[index] ?? 1) * width;
  const y = (value) => height - (Math.min(value, top) / top) * height;
  const runs = [];
  points.forEach((value, index) => {
    if (value === null || value === undefined) return;
    if (index === 0 || points[index - 1] === null || points[index - 1] === undefined) runs.push([]);
    runs.at(-1).push(`${x(index).toFixed(1)} ${y(value).toFixed(1)}`);
  });
  // Of a single point the line has no length, and shows as a dot by its round ends.
  return runs.map((run) => `M${run.join('L')}${run.length === 1 ? 'h0' : ''}`).join('');
}

/** The largest of some series; 0 where nothing is known. */
export function largest(series) {
  let top = 0;
  for (const points of series) for (const value of points) if (value > top) top = value;
  return top;
}
