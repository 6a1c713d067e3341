// Which module shows which page. A page is a module with `title` and `show(place, context)`, which returns how to stop it.

const own = {
  overview: () => import('./pages/overview.js'),
  streams: () => import('./pages/streams.js'),
  stream: () => import('./pages/stream.js'),
  event: () => import('./pages/event.js'),
  'read-models': () => import('./pages/read-models.js'),
  'read-model': () => import('./pages/read-model.js'),
  parked: () => import('./pages/parked.js'),
  charts: () => import('./pages/charts.js'),
};

/** Loads all of the console's pages. */
export function loadPages() {
  return Promise.allSettled(Object.values(own).map((load) => load()));
}

/** A module; where it can't be had for want of a connection, the failure says that. */
async function imported(load) {
  try {
    return await load();
  } catch (error) {
    // What browsers say then is of their own making. An error of the module's code is another one.
    if (!(error instanceof TypeError) || !/import|module/i.test(error.message)) throw error;
    throw Object.assign(new Error(`no connection to ${location.host}, or it does not have this page`), { status: 0 });
  }
}

/** The module of a page: one of the console's, or one that the application adds. */
export async function pageOf(parts, about) {
  const [name = 'overview'] = parts;
  if (Object.hasOwn(own, name)) return imported(own[name]);
  const added = about.pages.find((page) => page.id === name);
  if (!added) throw new Error('there is no such page');
  const module = await imported(() => import(`./application/${added.id}/${added.module}`));
  return { title: added.title, show: module.show };
}
