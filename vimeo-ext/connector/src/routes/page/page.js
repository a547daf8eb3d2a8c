// The operator's page: it reads and changes the service through its HTTP API, with the API key that was entered. All text goes
// into the page as text, never as markup. The key is sent in a header only, and kept for this tab only.

const REFRESH_INTERVAL_MS = 10000;
const EVENT_DELAY_MS = 300;
const MAX_READ_ACCOUNTS = 20;
const MAX_CHANGES = 20;
const MIN_RECONNECT_DELAY_MS = 1000;
const MAX_RECONNECT_DELAY_MS = 30000;
const KEY_NAME = 'vimeo-connector-api-key';

const byId = (id) => document.getElementById(id);
const main = document.querySelector('main');
const state = { key: sessionStorage.getItem(KEY_NAME) ?? '', own: null, stream: null, lastEvent: null, link: null, changes: [] };

class HttpError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key === 'class') made.className = value;
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function say(text) {
  const line = element('p', {}, text);
  byId('message').append(line);
  setTimeout(() => line.remove(), 8000);
}

// ---- The HTTP API

function address(path, parameters = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== '' && value !== null && value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

/** Sends a request with the API key. Headers cannot hold other characters than these, so another key is wrong. */
async function send(method, path, { body, parameters, headers = {}, signal } = {}) {
  if (!/^[\x21-\x7e]+$/.test(state.key)) throw new HttpError(401, 'unauthorized', 'this is not an API key');
  const sent = { ...headers, Authorization: `Bearer ${state.key}` };
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  const response = await fetch(address(path, parameters), {
    method, headers: sent, signal, body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new HttpError(response.status, problem.code, problem.detail ?? `${method} ${path}: ${response.status}`);
}

const read = async (path, parameters) => (await send('GET', path, { parameters })).json();
const accountPath = (identifier, action = '') => `/v1/accounts/${encodeURIComponent(identifier)}${action}`;

/** Shows why something failed. A key that no longer works closes the page. */
function fail(error) {
  if (error.status === 401) lock('The API key is wrong, or was revoked.');
  else say(error.message);
}

/** Runs an action of the user with its button off. */
async function act(button, action) {
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
    if (document.activeElement === document.body) button.focus();
  }
  refreshSoon();
}

// ---- Parts of the page

const badge = (text, kind) => element('span', { class: kind ? `badge ${kind}` : 'badge' }, text);
const STATUS_KINDS = { active: 'good', pending: 'warn', expired: 'bad', revoked: 'bad', disabled: '' };
const statusBadge = (status) => badge(status, STATUS_KINDS[status]);
const name = (text) => element('bdi', { class: 'name' }, text);
const meta = (...children) => element('span', { class: 'meta' }, ...children);
const line = (...children) => element('div', { class: 'line' }, ...children);

function time(text) {
  const at = new Date(text);
  const shown = Number.isNaN(at.getTime()) ? text : at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
  return element('time', { datetime: text }, shown);
}

function size(bytes) {
  if (bytes === null || bytes === undefined) return 'any size';
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Replaces the children of a list, and keeps those whose key and content did not change, with their focus. */
function reconcile(list, items, keyOf, make) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const content = JSON.stringify(item);
    const key = String(keyOf(item));
    const known = old.get(key);
    if (known && known.dataset.content === content) return known;
    const focused = known?.contains(document.activeElement) ? document.activeElement.textContent : null;
    const made = make(item);
    made.dataset.key = key;
    made.dataset.content = content;
    if (focused !== null) made.dataset.focus = focused;
    return made;
  });
  if (wanted.length === list.children.length && wanted.every((child, at) => child === list.children[at])) return;
  list.replaceChildren(...wanted);
  for (const child of wanted.filter((child) => child.dataset.focus !== undefined)) {
    const buttons = [...child.querySelectorAll('button')];
    (buttons.find((button) => button.textContent === child.dataset.focus) ?? buttons[0])?.focus();
    delete child.dataset.focus;
  }
}

/** A list that the API gives in pages. Shows as many pages as the user asked for. */
class PagedList {
  constructor({ list, more, path, member, parameters = () => ({}), keyOf, make, shown = () => {} }) {
    Object.assign(this, { list: byId(list), more: byId(more), path, member, parameters, keyOf, make, shown });
    this.items = [];
    this.pages = 1;
    this.next = null;
    this.reads = 0;
    this.more.addEventListener('click', () => act(this.more, async () => {
      this.pages += 1;
      await this.refresh();
    }));
  }

  async refresh() {
    const number = this.reads += 1;
    const items = [];
    let cursor = null;
    for (let page = 0; page < this.pages; page += 1) {
      const found = await read(this.path, { ...this.parameters(), cursor });
      items.push(...found[this.member]);
      cursor = found.next_cursor;
      if (cursor === null) break;
    }
    // A later read, with other filters perhaps, has begun.
    if (number !== this.reads) return;
    this.items = items;
    this.next = cursor;
    this.show();
  }

  /** Replaces, adds or removes one item, in its place. An item of a page that is not shown yet is not added. */
  put(key, item) {
    const at = this.items.findIndex((known) => this.keyOf(known) === key);
    if (item === null) {
      if (at >= 0) this.items.splice(at, 1);
    } else if (at >= 0) {
      this.items[at] = item;
    } else {
      const before = this.items.findIndex((known) => this.keyOf(known) > key);
      if (before >= 0) this.items.splice(before, 0, item);
      else if (this.next === null) this.items.push(item);
    }
    this.show();
  }

  clear() {
    this.reads += 1;
    this.items = [];
    this.next = null;
    this.pages = 1;
    this.show();
  }

  show() {
    reconcile(this.list, this.items, this.keyOf, this.make);
    this.more.hidden = this.next === null;
    this.shown(this.items.length, this.next !== null);
  }
}

// ---- Accounts

const filter = () => Object.fromEntries([...new FormData(byId('account-filter'))].map(([key, value]) => [key, value.trim()]));

const accounts = new PagedList({
  list: 'account-list', more: 'more-accounts', path: '/v1/accounts', member: 'accounts',
  parameters: () => ({ status: filter().status, user: filter().user }),
  keyOf: (account) => account.identifier,
  make: accountEntry,
  shown: (count, more) => { byId('account-count').textContent = more ? `${count}, and more` : String(count); },
});

function accountEntry(account) {
  const { identifier, status } = account;
  const button = (text, action, kind) => element('button', {
    type: 'button', class: kind, 'aria-label': `${text} ${identifier}`,
    onclick: (event) => act(event.currentTarget, action),
  }, text);
  const change = (action) => async () => {
    accounts.put(identifier, await (await send('POST', accountPath(identifier, action))).json());
  };
  const facts = [
    account.user === null ? null : element('code', {}, account.user),
    account.scopes === null ? null : meta(`scopes: ${account.scopes.join(' ')}`),
    account.expires_at === null ? null : meta('expires ', time(account.expires_at)),
  ];
  return element('li', {},
    line(name(identifier), statusBadge(status), element('span', { class: 'meta end' }, 'changed ', time(account.changed_at))),
    account.reason === null ? null : meta(account.reason),
    facts.some((fact) => fact !== null) ? line(...facts) : null,
    element('div', { class: 'tools' },
      button(status === 'pending' ? 'Log in' : 'Log in again', () => startLogin(identifier)),
      status === 'pending' ? null : button('Verify', change('/verify')),
      status === 'pending' ? null : button('Refresh', change('/refresh')),
      status === 'disabled' ? button('Enable', change('/enable')) : button('Disable', change('/disable')),
      button('Disconnect', () => disconnect(identifier), 'danger')));
}

function startLogin(identifier) {
  const form = byId('connect-form');
  form.elements.identifier.value = identifier;
  form.scrollIntoView({ block: 'center' });
  form.elements.scopes.focus();
}

/** Asks before it disconnects. Resolves when the user has decided. */
function confirmed(identifier) {
  const dialog = byId('confirm');
  byId('confirm-identifier').textContent = identifier;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((decided) => {
    dialog.addEventListener('close', () => decided(dialog.returnValue === 'yes'), { once: true });
  });
}

async function disconnect(identifier) {
  if (!await confirmed(identifier)) return;
  await send('DELETE', accountPath(identifier));
  accounts.put(identifier, null);
  say(`${identifier} is disconnected.`);
}

/** Returns the account, or `null` if it does not exist. */
async function readAccount(identifier) {
  try {
    return await read(accountPath(identifier));
  } catch (error) {
    if (error.code === 'unknown_account') return null;
    throw error;
  }
}

async function showAccounts() {
  const { identifier } = filter();
  if (identifier === '') {
    await accounts.refresh();
    return;
  }
  const account = await readAccount(identifier);
  accounts.clear();
  if (account !== null) accounts.put(identifier, account);
}

/** Whether the filters let an account through. */
function isWanted(account) {
  const { status, user, identifier } = filter();
  return (status === '' || account.status === status) && (user === '' || account.user === user)
    && (identifier === '' || account.identifier === identifier);
}

async function createLink(form) {
  const identifier = form.elements.identifier.value;
  const scopes = form.elements.scopes.value.split(/\s+/).filter((scope) => scope !== '');
  const link = await (await send('POST', accountPath(identifier, '/authorization-links'), { body: { scopes } })).json();
  if (!/^https?:$/.test(new URL(link.url).protocol)) throw new Error('the link is not a web address');
  state.link = link.url;
  byId('link-url').href = link.url;
  byId('link-expires').replaceChildren(time(link.expires_at));
  byId('link-identifier').textContent = identifier;
  byId('link').hidden = false;
  byId('link-url').focus();
}

// ---- Status changes, live

const changed = new Set();
let changing = null;

function showChange(event) {
  state.lastEvent = event.number;
  state.changes = [event, ...state.changes].slice(0, MAX_CHANGES);
  reconcile(byId('change-list'), state.changes, (change) => change.number, (change) => element('li', {},
    name(change.identifier),
    change.to === null ? badge('disconnected') : statusBadge(change.to),
    meta(change.reason ?? ''), meta(time(change.at))));
  changed.add(event.identifier);
  changing ??= setTimeout(readChanged, EVENT_DELAY_MS);
  if (event.to === 'active' && byId('link-identifier').textContent === event.identifier) byId('link').hidden = true;
}

/** Reads the accounts that changed; the whole list if there are many. */
async function readChanged() {
  changing = null;
  const identifiers = [...changed];
  changed.clear();
  try {
    if (identifiers.length > MAX_READ_ACCOUNTS) {
      await showAccounts();
      return;
    }
    for (const identifier of identifiers) {
      const account = await readAccount(identifier);
      accounts.put(identifier, account !== null && isWanted(account) ? account : null);
    }
  } catch (error) {
    fail(error);
  }
}

function showLive(text, kind) {
  byId('live').textContent = text;
  byId('live').className = `badge ${kind}`;
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Follows the stream of status changes, and continues where it broke off. EventSource could not send the API key. */
async function follow() {
  state.stream?.abort();
  const stream = new AbortController();
  state.stream = stream;
  let delay = MIN_RECONNECT_DELAY_MS;
  while (!stream.signal.aborted) {
    try {
      const headers = { Accept: 'text/event-stream' };
      if (state.lastEvent !== null) headers['Last-Event-ID'] = String(state.lastEvent);
      const response = await send('GET', '/v1/events', { headers, signal: stream.signal });
      showLive('live', 'good');
      // What changed before the stream began is in the list.
      showAccounts().catch(fail);
      delay = MIN_RECONNECT_DELAY_MS;
      let rest = '';
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop();
        for (const block of blocks) {
          const data = block.split('\n').filter((row) => row.startsWith('data:')).map((row) => row.slice(5)).join('\n');
          if (data !== '') showChange(JSON.parse(data));
        }
      }
    } catch (error) {
      if (stream.signal.aborted) return;
      if (error.status === 401) {
        fail(error);
        return;
      }
      if (error.status !== undefined) showAccounts().catch(fail);
    }
    showLive('reconnecting', 'warn');
    await pause(delay);
    delay = Math.min(delay * 2, MAX_RECONNECT_DELAY_MS);
  }
}

// ---- Limits, uploads, errors, API keys

const limits = new PagedList({
  list: 'limit-list', more: 'more-limits', path: '/v1/limits', member: 'limits',
  keyOf: (limit) => limit.identifier, make: limitEntry,
});

function limitEntry(limit) {
  const windows = limit.windows.map((window) => line(
    element('meter', {
      min: 0, max: Math.max(window.limit, 1), value: Math.min(window.remaining, window.limit), low: window.limit / 10,
      'aria-label': `calls left of ${limit.identifier}`,
    }),
    element('span', {}, `${window.remaining} of ${window.limit} calls left`),
    meta(window.with_fields ? 'with fields' : 'without fields'),
    window.resets_at === null ? null : meta('until ', time(window.resets_at))));
  return element('li', {},
    line(name(limit.identifier),
      limit.blocked_until === null ? null : element('span', { class: 'badge bad' }, 'refused until ', time(limit.blocked_until)),
      limit.waiting > 0 ? badge(`${limit.waiting} waiting`, 'warn') : null,
      limit.in_flight > 0 ? badge(`${limit.in_flight} in flight`) : null),
    ...windows, windows.length === 0 ? meta('no limit reported yet') : null);
}

const tokens = new PagedList({
  list: 'token-list', more: 'more-tokens', path: '/v1/upload-tokens', member: 'upload_tokens',
  keyOf: (token) => token.id, make: tokenEntry,
});

function tokenEntry(token) {
  const revoke = async () => {
    await send('DELETE', accountPath(token.identifier, `/upload-tokens/${encodeURIComponent(token.id)}`));
    tokens.put(token.id, null);
  };
  return element('li', {},
    line(name(token.identifier), badge(`${token.uploads_left} of ${token.max_uploads} left`, token.uploads_left > 0 ? 'good' : ''),
      element('span', { class: 'meta end' }, 'expires ', time(token.expires_at))),
    line(meta(size(token.max_bytes)), token.video.name === null ? null : meta(`title: ${token.video.name}`),
      token.video.privacy_view === null ? null : meta(`privacy: ${token.video.privacy_view}`)),
    element('div', { class: 'tools' }, element('button', {
      type: 'button', class: 'danger', 'aria-label': `Revoke a token of ${token.identifier}`,
      onclick: (event) => act(event.currentTarget, revoke),
    }, 'Revoke')));
}

const keys = new PagedList({
  list: 'key-list', more: 'more-keys', path: '/v1/api-keys', member: 'api_keys',
  keyOf: (key) => key.id, make: keyEntry,
});

function accessOf(key) {
  if (key.accounts !== null) return key.accounts.join(', ');
  return key.account_prefix === null ? 'all' : `those that start with ${key.account_prefix}`;
}

function keyFacts(key) {
  return [
    ['Accounts', accessOf(key)],
    ['Routes', key.routes.join(', ')],
    ['Toolsets', key.toolsets.length === 0 ? 'the default ones' : key.toolsets.join(', ')],
    ['Disclosing calls', key.allow.length === 0 ? 'none' : key.allow.join(', ')],
    key.read_only ? ['Tools', 'only those that change nothing'] : null,
    key.scopes === null ? null : ['Scopes', key.scopes],
    key.requests_per_minute === null ? null : ['Rate', `${key.requests_per_minute} requests a minute`],
    ['Created', time(key.created_at)],
    key.rotated_at === null ? null : ['Rotated', time(key.rotated_at)],
  ].filter((fact) => fact !== null).flatMap(([term, text]) => [element('dt', {}, term), element('dd', {}, text)]);
}

function keyEntry(key) {
  return element('li', {}, element('details', {},
    element('summary', {}, name(key.name), ' ', element('code', {}, key.id), key.id === state.own.id ? ' this one' : ''),
    element('dl', {}, ...keyFacts(key))));
}

const uploadRow = (upload) => element('li', {},
  name(upload.identifier), element('code', {}, upload.video_uri), meta(size(upload.bytes)), meta(time(upload.at)));

function errorEntry(error) {
  return element('li', {},
    line(badge(error.kind, error.kind === 'request' ? 'bad' : 'warn'), element('code', {}, `${error.status} ${error.code}`),
      error.identifier === null ? null : name(error.identifier), element('span', { class: 'meta end' }, time(error.at))),
    element('span', {}, error.detail), meta(error.route));
}

async function showErrors() {
  const { errors } = await read('/v1/errors', { limit: 100 });
  byId('error-count').textContent = errors.length === 100 ? '100, and more' : String(errors.length);
  reconcile(byId('error-list'), errors, (error) => error.number, errorEntry);
}

async function showUploads() {
  const { uploads } = await read('/v1/recent-uploads', { limit: 20 });
  reconcile(byId('upload-list'), uploads, (upload) => `${upload.at} ${upload.video_uri}`, uploadRow);
}

// ---- Start and stop

const may = (group) => state.own?.routes.includes(group) ?? false;
const hasAllAccounts = () => state.own.accounts === null && state.own.account_prefix === null;

async function refresh() {
  const reads = [];
  if (may('accounts')) reads.push(limits.refresh());
  if (may('uploads')) reads.push(tokens.refresh(), showUploads());
  if (may('operate')) reads.push(showErrors());
  if (may('operate') && hasAllAccounts()) reads.push(keys.refresh());
  await Promise.all(reads);
}

let refreshing = null;

/** Refreshes soon, once for many changes. */
function refreshSoon() {
  if (state.own === null) return;
  refreshing ??= setTimeout(() => {
    refreshing = null;
    if (state.own !== null) refresh().catch(fail);
  }, EVENT_DELAY_MS);
}

/** Forgets the API key and everything that it showed. */
function lock(reason = '') {
  state.stream?.abort();
  Object.assign(state, { key: '', own: null, stream: null, lastEvent: null, link: null, changes: [] });
  sessionStorage.removeItem(KEY_NAME);
  for (const list of [accounts, limits, tokens, keys]) list.clear();
  for (const id of ['change-list', 'error-list', 'upload-list', 'key-facts', 'link-identifier', 'confirm-identifier', 'message']) byId(id).replaceChildren();
  for (const id of ['account-filter', 'connect-form']) byId(id).reset();
  byId('link').hidden = true;
  byId('link-url').removeAttribute('href');
  if (byId('confirm').open) byId('confirm').close();
  main.hidden = true;
  byId('lock').hidden = true;
  byId('unlock').hidden = false;
  byId('unlock-error').textContent = reason;
  byId('status').textContent = 'Locked';
  byId('api-key').value = '';
  byId('api-key').focus();
}

async function open() {
  try {
    state.own = await read('/v1/api-key');
  } catch (error) {
    lock(error.status === 401 ? 'The API key is wrong, or was revoked.' : error.message);
    return;
  }
  sessionStorage.setItem(KEY_NAME, state.key);
  byId('unlock').hidden = true;
  byId('unlock-error').textContent = '';
  byId('api-key').value = '';
  byId('lock').hidden = false;
  byId('status').textContent = `API key: ${state.own.name}`;
  byId('key-facts').replaceChildren(...keyFacts(state.own));
  for (const section of document.querySelectorAll('section[data-group]')) {
    section.hidden = !may(section.dataset.group) || ('allAccounts' in section.dataset && !hasAllAccounts());
  }
  main.hidden = false;
  if (may('accounts')) follow();
  refresh().catch(fail);
}

byId('unlock').addEventListener('submit', (event) => {
  event.preventDefault();
  state.key = byId('api-key').value.trim();
  open();
});
byId('lock').addEventListener('click', () => lock());
byId('account-filter').addEventListener('submit', (event) => {
  event.preventDefault();
  accounts.pages = 1;
  act(event.submitter ?? event.target.querySelector('button'), showAccounts);
});
byId('account-filter').elements.status.addEventListener('change', () => {
  accounts.pages = 1;
  showAccounts().catch(fail);
});
byId('connect-form').addEventListener('submit', (event) => {
  event.preventDefault();
  act(event.target.querySelector('button'), () => createLink(event.target));
});
byId('copy-link').addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(state.link);
    say('Copied.');
  } catch {
    say('The browser does not allow copying here. Copy the link from its context menu.');
  }
});
byId('confirm-no').addEventListener('click', () => byId('confirm').close('no'));
byId('confirm-yes').addEventListener('click', () => byId('confirm').close('yes'));
setInterval(() => {
  if (state.own !== null && document.visibilityState === 'visible') refreshSoon();
}, REFRESH_INTERVAL_MS);

if (state.key === '') lock();
else open();
