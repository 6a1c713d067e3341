// What pages are made of: headings, panels, and what is shown while something is asked for or could not be had.
import { h, show } from './dom.js';
import { onceBack } from './freshness.js';

let failures = 0;

/** The head of a page. */
export function heading(title, lead, ...beside) {
  return h('div', { class: 'heading' },
    h('div', {}, h('h1', {}, title), lead ? h('p', { class: 'lead' }, lead) : null),
    beside.length ? h('div', { class: 'beside' }, beside) : null);
}

/** A part of a page with a title. */
export function panel(title, ...content) {
  return h('section', { class: 'panel', 'data-key': `panel-${title}` }, h('h2', {}, title), content);
}

/** What is said where something can't be shown. Where the process did not answer, it is asked again when it is back. */
export function failure(error, again) {
  failures += 1;
  // Of its own, so that it is this one that is shown, and not an earlier one like it.
  const place = h('div', { class: 'failure', role: 'alert', 'data-key': `failure-${failures}` }, h('p', {}, error.message),
    again ? h('button', { type: 'button', on: { click: again } }, 'Try again') : null);
  if (again && error.status === 0) onceBack(() => place.isConnected && again());
  return place;
}

/** Shows in `place` what `ask` comes to; says that it is asked for where that takes longer than a moment. */
export async function load(place, ask, draw) {
  const timer = setTimeout(() => {
    if (!place.firstChild) show(place, h('p', { class: 'loading' }, 'Loading …'));
  }, 200);
  try {
    const answer = await ask();
    show(place, draw(answer));
  } catch (error) {
    if (error.name !== 'AbortError') show(place, failure(error, () => load(place, ask, draw)));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A button.
 * @param what is said to screen readers beside the text, where several buttons have the same.
 * @param kind `primary`, `quiet`, `danger`, or several of them.
 */
export function button(text, act, { what, kind } = {}) {
  return h('button', { type: 'button', class: kind, on: { click: act } }, text,
    what ? h('span', { class: 'unseen' }, ` ${what}`) : null);
}
