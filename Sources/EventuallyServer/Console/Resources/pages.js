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

/** The module of a page: one of the console's, or one that the application adds. */
export async function pageOf(parts, about) {
  const [name = 'overview'] = parts;
  if (Object.hasOwn(own, name)) return own[name]();
  const added = about.pages.find((page) => page.id === name);
  if (!added) throw new Error('there is no such page');
  const module = await import(`./application/${added.id}/${added.module}`);
  return { title: added.title, show: module.show };
}
