// Keys that go somewhere. They do nothing while somebody writes, and can be turned off: speech input presses keys by accident.
import { dialog } from './lib/dialog.js';
import { h } from './lib/dom.js';
import { go } from './lib/router.js';

const pages = { o: 'overview', s: 'streams', r: 'read-models', p: 'parked', c: 'charts' };
let isAfterG = false;

function isOff() {
  return localStorage.getItem('keys') === 'off';
}

function help() {
  const line = (keys, what) => h('tr', {}, h('th', { scope: 'row' }, keys.split(' ').map((key) => h('kbd', {}, key))), h('td', {}, what));
  dialog('Keys', {
    close: 'Close',
    body: () => [
      h('table', { class: 'keys' }, h('caption', { class: 'unseen' }, 'Keys'), h('tbody', {},
        line('/', 'Go to a stream, an event or a sequence number'), line('?', 'This list'),
        Object.entries(pages).map(([key, page]) => line(`g ${key}`, page.replace('-', ' '))),
        line('← →', 'In a chart or a slider: move in time'))),
      h('label', { class: 'check' }, h('input', {
        type: 'checkbox', checked: !isOff(),
        on: { change: (event) => localStorage.setItem('keys', event.target.checked ? 'on' : 'off') },
      }), ' Use these keys'),
    ],
  });
}

/** Begins to listen. */
export function watchKeys() {
  document.addEventListener('click', (event) => {
    if (event.target.closest?.('#show-keys')) help();
  });
  document.addEventListener('keydown', (event) => {
    const isWriting = event.target.closest?.('input, textarea, select, dialog, [contenteditable]');
    if (isWriting || isOff() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/') {
      event.preventDefault();
      document.getElementById('go-to')?.focus();
    } else if (event.key === '?') {
      help();
    } else if (isAfterG && event.key in pages) {
      go([pages[event.key]]);
    }
    isAfterG = event.key === 'g';
  });
}
