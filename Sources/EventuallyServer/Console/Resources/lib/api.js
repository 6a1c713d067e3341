// Asks the process. Whoever changes something sends the session's CSRF token; a refusal becomes an error with its message.

let csrf = null;
let signIn = null;

/** The token that requests which change something carry; null without a session. */
export function setCSRF(token) {
  csrf = token;
}

/** What to do where a session is needed: a function that returns whether there is one then. */
export function whenSignedOut(handler) {
  signIn = handler;
}

/** A refusal: what is wrong, and what it said beside that. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the process answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** A path with its parameters; those that are empty are left out. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, value);
  }
  const text = query.toString();
  return text ? `api/${path}?${text}` : `api/${path}`;
}

/** A part of a path. */
export function part(text) {
  return encodeURIComponent(String(text).toWellFormed()).replace(/^\.{1,2}$/, (dots) => dots.replaceAll('.', '%2E'));
}

async function send(method, url, body, signal) {
  const headers = { accept: 'application/json' };
  if (method !== 'GET') headers['x-csrf-token'] = csrf ?? '';
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(url, {
      method, headers, signal, credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(0, { detail: `no connection to ${location.host}: is the process running?` });
  }
  if (response.status === 204) return null;
  const isJSON = (response.headers.get('content-type') ?? '').includes('json');
  const answer = isJSON ? await response.json() : {};
  if (response.ok) return answer;
  throw new Refusal(response.status, answer);
}

async function ask(method, url, body, signal) {
  try {
    return await send(method, url, body, signal);
  } catch (error) {
    // Once: whoever has just signed in and is still refused has another problem.
    if (error.status === 401 && signIn && !url.endsWith('/session') && (await signIn())) {
      return send(method, url, body, signal);
    }
    // Without tokens, a process that was started again has another CSRF token.
    if (error.status === 403 && method !== 'GET') {
      const session = await send('GET', address('session'));
      if (session?.csrf && session.csrf !== csrf) {
        setCSRF(session.csrf);
        return send(method, url, body, signal);
      }
    }
    throw error;
  }
}

export const get = (path, parameters, signal) => ask('GET', address(path, parameters), undefined, signal);
export const post = (path, body = {}, parameters) => ask('POST', address(path, parameters), body);
export const remove = (path) => ask('DELETE', address(path));
