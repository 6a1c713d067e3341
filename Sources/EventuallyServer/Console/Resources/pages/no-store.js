// In place of a page that needs the store, where the process does not have it.
import { h, show } from '../lib/dom.js';
import { heading } from '../lib/page.js';
import { link } from '../lib/router.js';

/** Whether the process has no store. */
export const hasNoStore = ({ sources }) => sources.store !== true;

/** Says so, and leads to the same page of the writer's console where the process knows its writer. */
export function noStore(place, title, { sources }, parts, query = {}) {
  show(place, heading(title, `This process does not have the store: it would with ${sources.store}.`),
    sources.relay === true
      ? h('p', {}, h('a', { class: 'button', href: `api/writer${link(parts, query)}` }, 'Open it in the writer’s console'))
      : null);
}
