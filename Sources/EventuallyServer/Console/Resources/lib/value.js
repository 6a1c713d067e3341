// Values from outside: isolated from the text around them, cut, and shown whole when somebody asks.
import { bytes } from './format.js';
import { h, lines } from './dom.js';
import { cut, visibleLines } from './safe.js';

// More at once makes the browser slow.
const step = 100_000;

/** A text of one line for where no button can stand, as in a link: cut, and longer under the pointer. */
export function label(text, { limit = 80 } = {}) {
  const whole = String(text);
  const { text: start, left } = cut(whole, limit);
  return h('bdi', { class: 'value', title: left ? cut(whole, 500).text : null }, start, left ? '…' : '');
}

/** A text of one line, with a button that shows all of it where it is long. */
export function value(text, { limit = 160, mono = false } = {}) {
  const whole = String(text);
  // A button that shows a few letters more takes the room that they would.
  const { text: start, left } = cut(whole, whole.length <= limit * 1.5 ? whole.length : limit);
  const name = mono ? 'value mono' : 'value';
  if (left === 0) return h('bdi', { class: name }, start);
  const box = h('span', { class: 'cut', 'data-keep': '', 'data-key': `${whole.length}:${start}` });
  const button = h('button', { class: 'more', type: 'button', on: { click: expand } },
    `show all (${bytes(whole.length)})`);
  box.append(h('bdi', { class: name }, start, '…'), ' ', button);
  function expand() {
    box.replaceChildren(long(whole));
    box.querySelector('pre').focus();
  }
  return box;
}

/** A text of many lines in a box that scrolls; a very long one a part at a time. */
export function long(text) {
  let end = 0;
  const body = h('pre', { class: 'long', tabindex: '0', 'aria-label': 'the whole value' });
  const button = h('button', { class: 'more', type: 'button', on: { click: add } });
  function add() {
    const part = cut(text.slice(end), step);
    end += part.text.length;
    body.append(lines('span', {}, visibleLines(part.text)));
    button.textContent = `show more (${bytes(part.left)} left)`;
    button.hidden = part.left === 0;
  }
  add();
  return h('div', { class: 'long-box' }, body, button);
}

/** Buttons that copy a text and say so. */
export function copyButton(text, what, announce) {
  return h('button', {
    class: 'quiet', type: 'button', 'aria-label': `Copy ${what}`, title: `Copy ${what}`,
    on: {
      async click() {
        try {
          await navigator.clipboard.writeText(text);
          announce(`${what} is copied`);
        } catch {
          announce('the browser does not allow copying here');
        }
      },
    },
  }, 'Copy');
}
