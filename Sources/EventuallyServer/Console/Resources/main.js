// Starts the console: the frame around pages, and which page is shown.
import { get, remove, setCSRF, whenSignedOut } from './lib/api.js';
import { announce } from './lib/dialog.js';
import { h, show } from './lib/dom.js';
import { failure } from './lib/page.js';
import { read } from './lib/router.js';
import { setFlags, setProgram } from './lib/shell.js';
import { onceBack, watchFreshness } from './lib/freshness.js';
import { beginOverview, endOverview, watchOverview } from './lib/overview.js';
import { drawSide, drawTop, outage, setFreshness, setParkedCount } from './frame.js';
import { watchKeys } from './keys.js';
import { loadPages, pageOf } from './pages.js';
import { keepPlace } from './place.js';
import { askToSignIn, signInPage } from './sign-in.js';

const main = document.getElementById('main');
let about = null;
let session = null;
let asking = null;
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
  // Once, where several questions are refused for want of a session.
  asking ??= askToSignIn().finally(() => {
    asking = null;
  });
  const next = await asking;
  if (next) take(next);
  return next !== null;
}

async function signOut() {
  await remove('session');
  endOverview();
  setParkedCount(0);
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
  main.replaceChildren(outage, place);
  drawSide(about, parts[0] ?? 'overview');
  if (about.authentication === 'tokens' && !session) {
    document.title = `Sign in · ${about.application}`;
    return signInPage(place, about.application, (next) => {
      take(next);
      open();
    });
  }
  beginOverview();
  try {
    const { show: start, title } = await pageOf(parts, about);
    if (current !== page) return;
    document.title = `${title} · ${about.application}`;
    page.stop = (await start(place, { ...context(), parts: parts.slice(1), query })) ?? (() => {});
    if (current !== page) page.stop();
  } catch (error) {
    if (current === page) show(place, failure(error, open));
  }
}

let renewed = null;

/** After each silence: a process that was started again has another session where it has no tokens, and changes need that one's. */
function renew({ since }) {
  // Told again while the silence goes on.
  if (since === null || since === renewed) return;
  renewed = since;
  onceBack(() => get('session').then((next) => next && take(next), () => {}));
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
  watchFreshness(setFreshness);
  watchFreshness(renew);
  watchOverview(({ readModels }) => setParkedCount(readModels.reduce((sum, model) => sum + model.parkedStreams, 0)));
  keepPlace(main, open);
  await open();
  // Where the process is gone, a page can still say so.
  loadPages();
}

begin();
