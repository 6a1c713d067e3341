// Scales of charts. Pure functions.

/** A round number at or above `top`: a few times a power of ten, of which a quarter is round enough too. */
export function roundTop(top) {
  if (!(top > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((limit) => limit >= top * 0.999);
}

/** Where lines go across a chart: five values from 0 to a round top. */
export function ticks(top) {
  const limit = roundTop(top);
  return [0, 0.25, 0.5, 0.75, 1].map((part) => part * limit);
}

/** Which of some points have their times written below them: five at most, and none twice. */
export function places(count) {
  if (count === 0) return [];
  return [...new Set([0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(part * (count - 1))))];
}

/**
 * The runs of points that are known, as paths.
 * @param points numbers, `null` for what is not known: a line has a gap there.
 */
export function paths(points, { width, height, top }) {
  const x = (index) => (points.length < 2 ? 0 : (index * width) / (points.length - 1));
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
