// The pipeline's frames: one stream for the frame around pages and for the pages that show them.
import { watchFreshness } from './freshness.js';
import { follow } from './live.js';

const watchers = new Set();
let last = null;
let end = null;
let aging = null;

/** The frame as it looks so many milliseconds later, where nothing was heard since. Pure. */
export function aged(frame, milliseconds) {
  const older = (part) => part && { ...part, age: part.age + milliseconds };
  return {
    ...frame, store: older(frame.store), relay: older(frame.relay), topic: older(frame.topic), processes: frame.processes.map(older),
    readModels: frame.readModels.map((model) => ({ ...model, workers: model.workers.map(older) })),
  };
}

function tell(frame, since) {
  for (const watcher of [...watchers]) watcher(frame, since);
}

/** Begins to follow, where that was not begun yet. */
export function beginOverview() {
  end ??= follow('overview', {}, {
    overview(frame) {
      last = { frame, at: Date.now() };
      tell(frame, null);
    },
  });
}

export function endOverview() {
  end?.();
  [end, last] = [null, null];
}

watchFreshness(({ since }) => {
  clearInterval(aging);
  const age = () => last && tell(aged(last.frame, Date.now() - last.at), since);
  if (since === null) return;
  age();
  aging = setInterval(age, 1000);
});

/**
 * Calls `watcher` with each frame, at once with the one that is there. While the process is silent, it is called once a second with the last frame, grown older, and
 * the time since when.
 * @returns a function that ends it.
 */
export function watchOverview(watcher) {
  watchers.add(watcher);
  // What was heard some time ago is no answer to a page that is opened now.
  if (last && Date.now() - last.at < 3000) watcher(last.frame, null);
  return () => watchers.delete(watcher);
}
