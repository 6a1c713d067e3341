// Where a person was on a page: who goes back finds the page scrolled as it was left. The browser can't do it, since a page's content comes later.
import { kept, keep } from './lib/router.js';

/** Scrolls as soon as the page is long enough; not where a person scrolls first, or nothing comes. */
function scrollWhenLong(main, top) {
  const end = () => {
    watch.disconnect();
    clearTimeout(timer);
    for (const name of ['wheel', 'touchstart', 'keydown', 'pointerdown']) removeEventListener(name, end);
  };
  const attempt = () => {
    if (document.documentElement.scrollHeight < top + innerHeight) return;
    scrollTo(0, top);
    end();
  };
  const watch = new ResizeObserver(attempt);
  const timer = setTimeout(end, 3000);
  for (const name of ['wheel', 'touchstart', 'keydown', 'pointerdown']) addEventListener(name, end, { passive: true });
  watch.observe(main);
}

/** Opens pages as the address changes, and keeps their places. */
export function keepPlace(main, open) {
  history.scrollRestoration = 'manual';
  if (kept().top > 0) scrollWhenLong(main, kept().top);
  let pause = null;
  addEventListener('scroll', () => {
    clearTimeout(pause);
    pause = setTimeout(() => keep({ top: Math.round(scrollY) }), 150);
  }, { passive: true });
  addEventListener('hashchange', () => {
    clearTimeout(pause);
    const { top = 0 } = kept();
    open();
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
    if (top > 0) scrollWhenLong(main, top);
  });
}
