// Starts the console: the frame around pages, and which page is shown.
import { get, remove, setCSRF, whenSignedOut } from './lib/api.js';
import { announce } from './lib/dialog.js';
import { h, show } from './lib/dom.js';
import { failure } from './lib/page.js';
import { read } from './lib/router.js';
import { setFlags, setProgram } from './lib/shell.js';
import { drawSide, drawTop, setFreshness } from './frame.js';
import { watchKeys } from './keys.js';
import { pageOf } from './pages.js';
import { keepPlace } from './place.js';
import { askToSignIn, signInPage } from './sign-in.js';

const main = document.getElementById('main');
let about = null;
let session = null;
let current = { stop() {} };

function take(next) {
  session = next;
  setCSRF(next?.csrf ?? null);
  setFlags(next?.flags);
  drawTop(context());
}

/** What pages get: who looks, what the process is, and how to say something. */
function context() {
  return {
    about, session, announce, signIn, signOut,
    // A function: somebody may sign in while a page is shown.
    mayChange: () => (about.authentication === 'none' ? about.mayChange : session?.role === 'administer'),
  };
}

async function signIn() {
  if (about.authentication === 'none') {
    announce(about.whyNot, 'bad');
    return false;
  }
  const next = await askToSignIn();
  if (next) take(next);
  return next !== null;
}

async function signOut() {
  await remove('session');
  take(null);
  announce('You are signed out');
  open();
}

async function open() {
  current.stop();
  const { parts, query } = read(location.hash);
  const place = h('div', { class: 'page' });
  const page = { stop() {} };
  current = page;
  main.replaceChildren(place);
  setFreshness('');
  drawSide(about, parts[0] ?? 'overview');
  if (about.authentication === 'tokens' && !session) {
    document.title = `Sign in · ${about.application}`;
    return signInPage(place, about.application, (next) => {
      take(next);
      open();
    });
  }
  try {
    const { show: start, title } = await pageOf(parts, about);
    if (current !== page) return;
    document.title = `${title} · ${about.application}`;
    page.stop = (await start(place, { ...context(), parts: parts.slice(1), query })) ?? (() => {});
    if (current !== page) page.stop();
  } catch (error) {
    show(place, failure(error, open));
  }
}

async function begin() {
  try {
    about = await get('about');
    setProgram(about.adminCommand);
    take(await get('session'));
  } catch (error) {
    return show(main, failure(error, begin));
  }
  whenSignedOut(signIn);
  watchKeys();
  keepPlace(main, open);
  await open();
}

begin();
