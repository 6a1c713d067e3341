// Addresses of pages: `#/streams/order%2F7?version=3`. Pure but for `go` and `replace`.

/** The parts and the parameters of an address. What can't be decoded stands for itself. */
export function read(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const parts = path.split('/').filter((part) => part !== '').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a page. */
export function link(parts, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, value);
  }
  const text = query.toString();
  return `#/${parts.map((part) => encodeURIComponent(String(part).toWellFormed())).join('/')}${text ? `?${text}` : ''}`;
}

/** Goes to a page. */
export function go(parts, parameters) {
  location.hash = link(parts, parameters);
}

/** Notes what a page shows in its address, so that a reload and a copied link show the same; no page is left. */
export function note(parts, parameters) {
  history.replaceState(history.state, '', link(parts, parameters));
}

/** What was kept of this step of the history: empty where it was not left before. */
export function kept() {
  return history.state ?? {};
}

/** Keeps something with this step of the history, for whoever comes back to it. */
export function keep(values) {
  history.replaceState({ ...history.state, ...values }, '');
}
