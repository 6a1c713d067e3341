// What led to an event, and the tree of what it led to.
import { h } from '../lib/dom.js';
import { count, duration } from '../lib/format.js';
import { link } from '../lib/router.js';
import { label, value } from '../lib/value.js';

const depth = 12;

function line(event, since) {
  return [
    h('a', { href: link(['event', event.id]) }, label(event.type, { limit: 60 })), ' ',
    h('span', { class: 'faint' }, value(event.stream, { limit: 40 }), ` v${count(event.version)}`,
      since ? ` · +${duration(new Date(event.time) - new Date(since))}` : ''),
  ];
}

/** The events that led to it, the first cause last. */
export function causes(list) {
  if (list.length === 0) return h('p', { class: 'faint' }, 'No event led to it: a command from outside did.');
  return h('ol', { class: 'causes' }, list.map((event, index) =>
    h('li', {}, index === 0 ? 'because of ' : 'which was because of ', line(event))));
}

/** The events that it led to, as a tree. */
export function effects(event, list, searched) {
  const branch = (parent, children, level) => h('ul', { class: 'tree' }, children.map((child) =>
    h('li', {}, line(child, parent.time),
      child.effects?.length ? level < depth ? branch(child, child.effects, level + 1)
        : h('p', {}, h('a', { href: link(['event', child.id]) }, 'and what followed from it')) : null)));
  return h('div', {},
    h('p', {}, h('strong', {}, value(event.type, { limit: 60 })), list.length ? ' led to' : ' led to no other event.'),
    list.length ? branch(event, list, 1) : null,
    searched.all ? null : h('p', { class: 'hint' }, `Looked for among the events up to the sequence number ${count(searched.to)}.`));
}
