// What is around every page: the name, the way to anything, the theme, who is signed in, and the list of pages.
import { h, show } from './lib/dom.js';
import { clock } from './lib/format.js';
import { link } from './lib/router.js';
import { goTo } from './lib/go-to.js';

const themes = { auto: 'dark or light as the system', dark: 'dark', light: 'light' };

function theme() {
  const kept = localStorage.getItem('theme');
  return kept in themes ? kept : 'auto';
}

function setTheme(name) {
  localStorage.setItem('theme', name);
  if (name === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}

setTheme(theme());

/** Stands above the page while the process does not answer. */
export const outage = h('p', { class: 'outage', role: 'alert', hidden: true });

/** Tells how fresh the page's figures are; where the process is silent, since when, above the page. */
export function setFreshness({ state, since }) {
  const words = { live: 'Live', late: 'No news, waiting', waiting: 'No connection, trying again', paused: 'Paused' };
  const place = document.getElementById('freshness');
  if (place) {
    place.className = `freshness ${state}`;
    place.textContent = words[state] ?? '';
  }
  outage.hidden = since === null;
  outage.textContent = since === null ? '' : `Not known: no answer from ${location.host} since ${clock(since)}. What is shown is from before.`;
  document.documentElement.classList.toggle('silent', since !== null);
}

function search() {
  const input = h('input', {
    type: 'search', id: 'go-to', name: 'what', placeholder: 'Stream, event id or sequence number',
    'aria-label': 'Go to a stream, an event id or a sequence number', autocomplete: 'off', spellcheck: 'false', 'data-keep': '',
  });
  return h('form', { class: 'go-to', role: 'search', on: {
    submit(event) {
      event.preventDefault();
      const text = input.value.trim();
      input.value = '';
      input.blur();
      if (text) goTo(text);
    },
  } }, input, h('kbd', { 'aria-hidden': 'true' }, '/'));
}

/** The bar at the top. */
export function drawTop({ about, session, signIn, signOut }) {
  const button = h('button', {
    type: 'button', class: 'quiet theme', title: `Colours: ${themes[theme()]}`, 'aria-label': `Colours: ${themes[theme()]}. Change`,
    on: {
      click() {
        const names = Object.keys(themes);
        setTheme(names[(names.indexOf(theme()) + 1) % names.length]);
        drawTop({ about, session, signIn, signOut });
      },
    },
  }, { auto: '◐', dark: '☾', light: '☀' }[theme()]);
  const who = about.authentication === 'none'
    ? h('span', { class: 'who', title: 'The process was started without tokens' },
      about.mayChange ? 'No tokens' : 'Read only')
    : session
      ? [h('span', { class: 'who' }, session.name ?? 'unnamed', h('small', {}, session.role)),
        h('button', { type: 'button', class: 'quiet', on: { click: signOut } }, 'Sign out')]
      : h('button', { type: 'button', on: { click: signIn } }, 'Sign in');
  show(document.getElementById('top'),
    h('a', { class: 'name', href: '#/', 'aria-label': `${about.application}: overview` },
      h('img', { src: './icon.svg', alt: '', width: 22, height: 22 }), h('strong', {}, about.application),
      h('small', {}, about.process.kind)),
    search(), h('span', { id: 'freshness', class: 'freshness', role: 'status', 'data-keep': '' }), button, who);
}

/** The list of pages. */
export function drawSide(about, current) {
  const within = { stream: 'streams', event: 'streams', 'read-model': 'read-models' };
  const pages = [
    ['overview', 'Overview'], ['streams', 'Streams'], ['read-models', 'Read models'], ['parked', 'Parked'],
    ['charts', 'Charts'],
  ];
  const item = ([id, title]) => h('li', {}, h('a', {
    href: link([id]), 'aria-current': id === (within[current] ?? current) ? 'page' : null,
  }, title, id === 'parked' ? h('span', { id: 'parked-count', class: 'count', 'data-keep': '' }) : null));
  show(document.getElementById('side'), h('ul', {}, pages.map(item)),
    about.pages.length ? [h('p', { class: 'side-title', id: 'side-own' }, about.application),
      h('ul', { 'aria-labelledby': 'side-own' }, about.pages.map(({ id, title }) => item([id, title])))] : null,
    h('p', { class: 'side-foot' }, 'Times are in UTC', h('br'), `Version ${about.version}`,
      h('br'), h('button', { type: 'button', class: 'quiet', id: 'show-keys' }, 'Keys', h('kbd', {}, '?'))));
}

/** How many streams are parked, beside the page's name. */
export function setParkedCount(number) {
  const place = document.getElementById('parked-count');
  if (!place) return;
  place.textContent = number ? String(number) : '';
  place.setAttribute('aria-label', number ? `${number} parked streams` : '');
}
