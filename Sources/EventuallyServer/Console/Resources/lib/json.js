// JSON, with what an event changed in it. Objects and arrays of many members are shown in steps.
import { h } from './dom.js';
import { cut } from './safe.js';
import { label, value } from './value.js';

const members = 50;

/** What is known beside the value, by path: `changes` has what changed, `masked` what may not be shown. */
function notes(changes, masked) {
  return { changes: new Map(changes.map((change) => [change.path, change])), masked: new Set(masked) };
}

function scalar(item) {
  if (typeof item === 'string') return value(item, { limit: 200 });
  return h('span', { class: 'json-word' }, String(item));
}

const mask = () => h('span', { class: 'badge', title: 'Shown to administrators only' }, 'masked');

function isBranch(item) {
  return item !== null && typeof item === 'object' && Object.keys(item).length > 0;
}

/** The beginning of what is in an object, so that few have to be opened. */
function preview(item) {
  const text = Object.values(item).filter((member) => !isBranch(member)).slice(0, 4).map(String).join(' · ');
  return cut(text, 60).text;
}

function path(parent, name, isArray) {
  if (isArray) return `${parent}[${name}]`;
  return parent ? `${parent}.${name}` : name;
}

/** The names of the members of a value that are not in it, since the reader may not see them. */
function hidden(where, known) {
  const start = where ? `${where}.` : '';
  return [...known.masked].filter((at) => at.startsWith(start)).map((at) => at.slice(start.length)).filter((name) => name && !/[.[]/.test(name));
}

function list(item, where, known, depth) {
  const isArray = Array.isArray(item);
  const entries = [...Object.entries(item), ...hidden(where, known).map((name) => [name, null])];
  const box = h('ul', { class: 'json' });
  let shown = 0;
  const button = h('button', { class: 'more', type: 'button', on: { click: add } });
  function add() {
    box.append(...entries.slice(shown, shown + members).map(([name, member]) =>
      line(isArray ? `[${name}]` : name, member, path(where, name, isArray), known, depth + 1)));
    shown += members;
    button.hidden = shown >= entries.length;
    button.textContent = `show more (${entries.length - shown} left)`;
  }
  add();
  return [box, button];
}

function line(name, item, at, known, depth) {
  const change = known.changes.get(at);
  const title = h('span', { class: 'json-name' }, label(name, { limit: 60 }));
  if (known.masked.has(at)) return h('li', {}, title, ' ', mask());
  if (!isBranch(item)) {
    const shown = item !== null && typeof item === 'object' ? h('span', { class: 'json-word' }, Array.isArray(item) ? '[ ]' : '{ }') : scalar(item);
    return h('li', { class: change ? 'changed' : null }, title, ' ', shown,
      change ? h('span', { class: 'was' }, change.before === undefined ? ' new' : [' was ', scalar(text(change.before))]) : null);
  }
  const size = Object.keys(item).length;
  const isChanged = [...known.changes.keys()].some((key) => key.startsWith(at));
  const details = h('details', { 'data-keep': '', open: (isChanged && depth < 8) || (depth < 2 && size <= 12) },
    h('summary', {}, title, h('span', { class: 'faint' }, Array.isArray(item) ? ` ${size} elements ` : ' '),
      h('span', { class: 'preview' }, preview(item))));
  // Made when it is opened: a state may have thousands of lines.
  function fill() {
    if (details.open && details.children.length === 1) details.append(h('div', {}, list(item, at, known, depth)));
  }
  details.addEventListener('toggle', fill);
  fill();
  return h('li', {}, details);
}

/**
 * A JSON value.
 * @param changes what changed in it: `[{path, before, after}]`; the paths are those of the command line's `history`.
 * @param masked the paths of what the reader may not see; it is not in the value either.
 */
export function json(item, changes = [], masked = []) {
  if (!isBranch(item) && masked.length === 0) return h('p', {}, item !== null && typeof item === 'object' ? 'It is empty.' : scalar(item));
  return h('div', { class: 'json-box' }, list(item ?? {}, '', notes(changes, masked), 0));
}

/** What an event changed, a line each. */
export function changeList(changes, limit = 6) {
  if (changes.length === 0) return h('p', { class: 'faint' }, 'changes nothing of the state');
  const change = ({ path: at, before, after, masked }) => h('li', {},
    h('span', { class: 'mono faint' }, value(at, { limit: 60 })), ' ',
    masked ? mask() : [
      before === undefined ? null : h('del', {}, value(text(before), { limit: 60 })),
      before === undefined || after === undefined ? null : ' → ',
      after === undefined ? null : h('ins', {}, value(text(after), { limit: 60 })),
    ]);
  const left = changes.length - limit;
  return h('ul', { class: 'changes' }, changes.slice(0, limit).map(change),
    left > 0 ? h('li', { class: 'faint' }, `and ${left} more`) : null);
}

/** A value as text. */
export function text(item) {
  return typeof item === 'string' ? item : JSON.stringify(item);
}
