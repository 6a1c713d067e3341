// From a text that somebody types to the page of what it names.
import { get } from './api.js';
import { announce } from './dialog.js';
import { go } from './router.js';

/** What a text names. Pure. */
export function kindOf(text) {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return 'event';
  if (/^[0-9]{1,18}$/.test(text)) return 'sequence';
  return 'stream';
}

/** Goes to the event or the stream; to the list of streams where there is none of exactly that name. */
export async function goTo(text) {
  const kind = kindOf(text);
  if (kind === 'event') return go(['event', text.toLowerCase()]);
  try {
    const { streams, event } = await get('find', { [kind]: text });
    if (event) return go(['event', event]);
    if (streams?.[0] === text) return go(['stream', text]);
    go(['streams'], { prefix: text });
  } catch (error) {
    announce(error.message, 'bad');
  }
}
