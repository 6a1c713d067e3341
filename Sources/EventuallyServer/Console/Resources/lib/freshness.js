// How fresh what is shown is: as fresh as the worst of the streams that are followed.

// Shorter than this, a connection that is lost is nobody's trouble.
const patience = 2000;
const order = ['waiting', 'late', 'opening', 'paused', 'live'];

const streams = new Set();
const watchers = new Set();
let waiting = [];
let lastHeard = Date.now();
let shown = { state: '', since: null };

/** A stream begins: nothing is known of it yet. */
export function enter() {
  const stream = { state: 'opening' };
  streams.add(stream);
  return stream;
}

export function leave(stream) {
  streams.delete(stream);
  look();
}

/** Notes what a stream does: `opening`, `late`, `waiting` or `paused`. */
export function tell(stream, state) {
  // An event after the stream's end is of no page.
  if (!streams.has(stream)) return;
  // Silence is counted from when somebody listens again.
  if (stream.state === 'paused' && state === 'opening') lastHeard = Date.now();
  else if (state === 'opening') return;
  stream.state = state;
  look();
}

/** A stream has news, be it that it lives. */
export function heard(stream) {
  lastHeard = Date.now();
  tell(stream, 'live');
}

function now() {
  const states = [...streams].map(({ state }) => state);
  const state = order.find((name) => states.includes(name)) ?? '';
  const isLost = state === 'waiting' || state === 'late';
  // While another stream lives, the process does.
  const isSilent = isLost && Date.now() - lastHeard >= patience && !states.includes('live');
  return { state, since: isSilent ? lastHeard : null };
}

function look() {
  const next = now();
  if (next.state === shown.state && next.since === shown.since) return;
  shown = next;
  for (const watcher of watchers) watcher(next);
  if (next.state !== 'live') return;
  const acts = waiting;
  waiting = [];
  for (const act of acts) act();
}

setInterval(look, 500);

/** Calls `watcher` with `{ state, since }` when that changes; `since` is the time, in milliseconds, since when the process is silent, or null. */
export function watchFreshness(watcher) {
  watchers.add(watcher);
  watcher(shown);
  return () => watchers.delete(watcher);
}

/** Acts when the process is heard again. */
export function onceBack(act) {
  waiting.push(act);
}
