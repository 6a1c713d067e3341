// Streams of Server-Sent Events. The browser resumes them by Last-Event-ID; this tells how fresh they are, and pauses while nobody looks.
import { address, get } from './api.js';
import { enter, heard as hears, leave, tell as tells } from './freshness.js';

/** Older than this, in milliseconds, figures are called old: whoever reports does so twice a second. */
export const oldAfter = 2000;

// A stream has an event at least every two seconds, be it `beat`: a process may hang with its connections open.
const lateAfter = 5000;

/**
 * Follows a stream.
 * @param path the route, under `api/`.
 * @param parameters its query.
 * @param on handlers by the event's name, each called with the event's JSON.
 * @returns a function that ends it.
 */
export function follow(path, parameters, on) {
  let source = null;
  let last = null;
  let delay = 1000;
  let timer = null;
  let isEnded = false;
  let lateness = null;
  const stream = enter();
  const tell = (state) => tells(stream, state);

  function heard() {
    hears(stream);
    clearTimeout(lateness);
    lateness = setTimeout(() => tell('late'), lateAfter);
  }

  function open() {
    // A stream that is opened anew does not send the header by itself.
    const resumed = last === null ? parameters : { ...parameters, lastEventID: last };
    tell('opening');
    source = new EventSource(address(path, resumed));
    source.onopen = () => {
      delay = 1000;
      heard();
    };
    source.onerror = () => {
      clearTimeout(lateness);
      tell('waiting');
      // A refusal closes it for good; a broken connection is opened again by the browser.
      if (source?.readyState === EventSource.CLOSED) {
        close();
        timer = setTimeout(again, delay);
        delay = Math.min(delay * 2, 15_000);
      }
    };
    source.addEventListener('beat', heard);
    for (const [name, handler] of Object.entries(on)) {
      source.addEventListener(name, (event) => {
        heard();
        last = event.lastEventId || last;
        handler(JSON.parse(event.data));
      });
    }
  }

  // The browser does not tell why a stream was refused. A question that is refused for want of a session asks for one.
  async function again() {
    try {
      await get(path, parameters);
      if (!isEnded && !source) look();
    } catch {
      if (!isEnded && !source) timer = setTimeout(again, delay);
    }
  }

  function close() {
    source?.close();
    source = null;
    clearTimeout(timer);
    clearTimeout(lateness);
  }

  function look() {
    if (document.hidden) {
      close();
      tell('paused');
    } else if (!source) {
      open();
    }
  }

  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    isEnded = true;
    document.removeEventListener('visibilitychange', look);
    close();
    leave(stream);
  };
}
