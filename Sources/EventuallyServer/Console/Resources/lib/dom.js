// Makes elements, and brings those that are shown up to date. Text only ever becomes text: nothing here reads markup.
import { isOwnAddress, visible } from './safe.js';

const svgNamespace = 'http://www.w3.org/2000/svg';
const addresses = new Set(['href', 'src', 'action', 'formaction', 'xlink:href']);
// The handlers of each element, so that an element that stays can get those of the one that would have replaced it.
const handlers = new WeakMap();

function dispatch(event) {
  handlers.get(event.currentTarget)?.[event.type]?.(event);
}

function listen(element, name, handler) {
  const own = handlers.get(element) ?? {};
  handlers.set(element, own);
  if (!(name in own)) element.addEventListener(name, dispatch);
  own[name] = handler;
}

function set(element, name, value) {
  if (name === 'on') {
    for (const [event, handler] of Object.entries(value ?? {})) listen(element, event, handler);
  } else if (name === 'value' && 'value' in element) {
    element.value = value;
    element.setAttribute('value', value);
  } else if (value !== undefined && value !== null && value !== false) {
    if (/^on|^style$|^srcdoc$/i.test(name)) throw new Error(`the attribute ${name} can't be set`);
    if (addresses.has(name) && !isOwnAddress(String(value))) return;
    const text = value === true ? '' : String(value);
    element.setAttribute(name, addresses.has(name) || name === 'd' ? text : visible(text));
  }
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
}

function make(element, rest) {
  const [first, ...others] = rest;
  const isAttributes = first && typeof first === 'object' && !Array.isArray(first) && !(first instanceof Node);
  if (isAttributes) for (const [name, value] of Object.entries(first)) set(element, name, value);
  append(element, isAttributes ? others : rest);
  return element;
}

/**
 * An element: `h('a', { href: '#/', on: { click } }, 'text', element, [more])`.
 * Nothing is made of children that are null or false. `on` has handlers; other attributes are texts, `true` for those without a value.
 */
export function h(tag, ...rest) {
  return make(document.createElement(tag), rest);
}

/** An element of a drawing. */
export function s(tag, ...rest) {
  return make(document.createElementNS(svgNamespace, tag), rest);
}

/** Lines that stay lines, where the text is visible already. */
export function lines(tag, attributes, text) {
  const element = h(tag, attributes);
  element.textContent = text;
  return element;
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute('data-key') : null;
}

function fits(old, next) {
  return old.nodeType === next.nodeType && old.nodeName === next.nodeName && keyOf(old) === keyOf(next);
}

/**
 * Makes `old` look like `next` and keeps what is there: focus, selection, scroll positions, and what a person opened survive.
 * An element with `data-keep` has a state of its own; it stays as long as its key is the same.
 */
export function update(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  if (old.hasAttribute('data-keep') && next.hasAttribute('data-keep')) return;
  for (const { name } of [...old.attributes]) {
    const isOpened = name === 'open' || (name === 'value' && old === document.activeElement);
    if (!next.hasAttribute(name) && !isOpened) old.removeAttribute(name);
  }
  for (const { name, value } of [...next.attributes]) {
    if (name === 'open' || (name === 'value' && old === document.activeElement)) continue;
    if (old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
      if (name === 'value' && 'value' in old) old.value = value;
    }
  }
  // What a person has clicked is told by the page, which knows it already.
  if (old.type === 'checkbox') old.checked = next.checked;
  for (const [name, handler] of Object.entries(handlers.get(next) ?? {})) listen(old, name, handler);
  updateChildren(old, [...next.childNodes]);
}

function updateChildren(parent, next) {
  const keyed = new Map([...parent.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  let place = parent.firstChild;
  for (const node of next) {
    const same = keyOf(node) ? keyed.get(keyOf(node)) : place;
    if (same && fits(same, node)) {
      if (same === place) place = place.nextSibling;
      else parent.insertBefore(same, place);
      update(same, node);
    } else {
      parent.insertBefore(node, place);
    }
  }
  while (place) {
    const following = place.nextSibling;
    place.remove();
    place = following;
  }
}

/** Brings the children of an element up to date. */
export function show(parent, ...children) {
  const next = document.createElement('div');
  append(next, children);
  updateChildren(parent, [...next.childNodes]);
}
