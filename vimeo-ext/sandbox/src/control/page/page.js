// The sandbox's page: it reads and changes the sandbox through the control API. All text goes into the page as text, never as markup.

const MAX_SHOWN_REQUESTS = 500;
const MIN_RECONNECT_DELAY_MS = 1000;
const MAX_RECONNECT_DELAY_MS = 30000;
const REFRESH_DELAY_MS = 200;
const CLOCK_INTERVAL_MS = 1000;

const byId = (id) => document.getElementById(id);
const state = { world: null, description: null, controlToken: sessionStorage.getItem('control-token') ?? '', paused: false, stream: null, wasDisconnected: false };

class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
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
  setTimeout(() => line.remove(), 6000);
}

// ---- The control API

function address(path, parameters = {}) {
  const url = new URL(`/_sandbox${path}`, location.origin);
  if (state.world !== null) url.searchParams.set('world', state.world);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

async function control(method, path, { body, parameters, signal } = {}) {
  const headers = {};
  if (state.controlToken) headers['X-Sandbox-Control-Token'] = state.controlToken;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const response = await fetch(address(path, parameters), {
    method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) {
    const text = await response.text();
    let message = text;
    try {
      message = JSON.parse(text).error ?? text;
    } catch { /* the text is the message */ }
    throw new HttpError(response.status, message || `${method} ${path}: ${response.status}`);
  }
  return response;
}

const read = async (path, parameters) => (await control('GET', path, { parameters })).json();

/** Runs an action of the user and shows why it failed, if it did. */
async function act(action) {
  try {
    await action();
    await refresh();
  } catch (error) {
    say(error.message);
  }
}

// ---- What the world holds

/** The world and the video that the address names, as in `#videos/7` or `#worlds/2/videos/7`. */
function target() {
  const [, world, video] = location.hash.match(/^#(?:worlds\/(\d+)\/)?videos\/(\d+)$/) ?? [];
  return { world, video };
}

/** Marks the card of the video that the address names, and returns it. */
function markTarget() {
  const { world, video } = target();
  const isHere = world === undefined || world === String(state.world);
  let marked = null;
  for (const card of byId('video-list').children) {
    if (isHere && card.dataset.key === video) {
      card.setAttribute('aria-current', 'true');
      marked = card;
    } else {
      card.removeAttribute('aria-current');
    }
  }
  return marked;
}

/** Scrolls to the video that the address names. */
function showTarget() {
  const card = markTarget();
  if (card) {
    card.scrollIntoView({ block: 'center' });
    card.focus({ preventScroll: true });
  } else if (target().video !== undefined) {
    say(`Video ${target().video} is not among the newest videos of this world.`);
  }
}

const badge = (text, kind) => element('span', { class: kind ? `badge ${kind}` : 'badge' }, text);
const STATUS_KINDS = { available: 'good', uploading: 'warn', transcoding: 'warn', transcode_starting: 'warn' };

function size(bytes) {
  if (bytes === null || bytes === undefined) return 'unknown size';
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Replaces the children of a list, and keeps those whose key and content did not change: a playing video plays on. */
function reconcile(list, items, keyOf, make) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const content = JSON.stringify(item);
    const key = String(keyOf(item));
    const known = old.get(key);
    if (known && known.dataset.content === content) return known;
    const made = make(item);
    made.dataset.key = key;
    made.dataset.content = content;
    return made;
  });
  if (wanted.length !== list.children.length || wanted.some((child, at) => child !== list.children[at])) {
    const removed = [...list.children].filter((child) => !wanted.includes(child));
    list.replaceChildren(...wanted);
    for (const video of removed.flatMap((child) => [...child.querySelectorAll('video')])) freeFile(video);
  }
}

async function playable(video) {
  const url = address(`/videos/${video.id}/file`);
  if (!state.controlToken) return url.href;
  // A media element cannot send the control token.
  const response = await control('GET', `/videos/${video.id}/file`);
  return URL.createObjectURL(await response.blob());
}

function player(video) {
  const made = element('video', { controls: '', preload: 'metadata', playsinline: '', 'aria-label': video.name });
  playable(video).then((source) => {
    made.src = source;
    if (!made.isConnected) freeFile(made);
  }, (error) => say(error.message));
  return made;
}

/** Frees the file in memory that a removed player plays. */
function freeFile(video) {
  if (video.src.startsWith('blob:')) URL.revokeObjectURL(video.src);
}

function videoCard(video) {
  const text = element('div', { class: 'text' },
    element('span', { class: 'name' }, video.name),
    element('span', { class: 'meta' },
      badge(video.status, STATUS_KINDS[video.status] ?? 'bad'), badge(video.privacy), element('span', {}, size(video.size))),
    element('code', {}, video.uri));
  let picture;
  if (video.has_file && state.controlToken) {
    // The file is then loaded whole, into memory.
    picture = element('button', { type: 'button', class: 'poster', onclick: () => picture.replaceWith(player(video)) },
      `Load ${size(video.size)}`);
  } else if (video.has_file) {
    picture = player(video);
  } else {
    picture = element('div', { class: 'poster' }, video.received > 0 || video.status === 'available'
      ? 'The bytes were not stored.' : 'No bytes yet.');
  }
  return element('li', { tabindex: '-1' }, picture, text);
}

function uploadRow(upload) {
  const bar = element('progress', { 'aria-label': `Upload of ${upload.video}` });
  if (upload.size) {
    bar.max = upload.size;
    bar.value = upload.received;
  }
  return element('li', {}, element('code', {}, upload.video),
    element('span', { class: 'meta' }, `${size(upload.received)} of ${size(upload.size)}`), bar);
}

function faultRow({ fault, waits }) {
  const where = [waits.match?.method, waits.match?.path || 'any path'].filter(Boolean).join(' ');
  return element('li', {}, element('code', {}, JSON.stringify(waits.effect)),
    element('span', {}, `${where}, ${waits.phase ?? 'before'}, ${waits.times} ×`),
    element('button', { type: 'button', onclick: () => act(() => control('DELETE', `/faults/${fault}`)) }, 'Disarm'));
}

function eventRow(event) {
  const deliveries = event.deliveries ?? [];
  const last = deliveries.at(-1);
  const outcome = last === undefined ? badge('not sent') : badge(String(last.status ?? last.error ?? 'sent'), last.status < 300 ? 'good' : 'bad');
  return element('li', {}, element('span', {}, event.event ?? event.kind), element('code', {}, event.resource ?? ''), outcome,
    element('button', { type: 'button', onclick: () => act(() => control('POST', `/events/${event.id}/resend`)) }, 'Resend'));
}

function showClock(clock) {
  byId('now').textContent = clock.now;
  byId('now').dateTime = clock.now;
  byId('frozen').hidden = !clock.frozen;
  byId('freeze').textContent = clock.frozen ? 'Resume' : 'Freeze';
}

/** The limits of the world's first token, or `null` if it was revoked. */
async function readLimits() {
  try {
    return await read('/limits');
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function showLimits(limits) {
  if (limits === null) {
    byId('limits').replaceChildren();
    return;
  }
  const row = (name, window, limit) => element('tr', {}, element('th', { scope: 'row' }, name),
    element('td', {}, String(window.used)), element('td', {}, String(limit)), element('td', {}, window.reset ?? '–'));
  byId('limits').replaceChildren(
    row('without fields', limits.plain, limits.limit.plain), row('with fields', limits.with_fields, limits.limit.with_fields));
}

let refreshing = null;

async function refresh() {
  const [videos, uploads, faults, events, clock, limits] = await Promise.all(
    [...['/videos', '/uploads', '/faults', '/events', '/clock'].map((path) => read(path)), readLimits()]);
  reconcile(byId('video-list'), videos.videos, (video) => video.id, videoCard);
  markTarget();
  byId('video-count').textContent = String(videos.total);
  const open = uploads.uploads.filter((upload) => !upload.complete);
  byId('uploads').hidden = open.length === 0;
  reconcile(byId('upload-list'), open, (upload) => upload.video, uploadRow);
  reconcile(byId('fault-list'), faults.waiting, (fault) => fault.fault, faultRow);
  reconcile(byId('event-list'), events.events.slice(-50).reverse(), (event) => event.id, eventRow);
  showClock(clock);
  showLimits(limits);
}

/** Refreshes soon, once for many changes. */
function refreshSoon() {
  refreshing ??= setTimeout(() => {
    refreshing = null;
    refresh().catch((error) => say(error.message));
  }, REFRESH_DELAY_MS);
}

// ---- The request log

const entries = new Map();

function kindOf(status) {
  if (status === null || status === undefined) return '';
  if (status < 300) return 'good';
  return status < 500 ? 'warn' : 'bad';
}

function matches(entry) {
  const wanted = byId('filter').value.trim().toLowerCase();
  const text = `${entry.method} ${entry.path}?${entry.query} ${entry.operation ?? ''} ${entry.status ?? ''}`;
  return text.toLowerCase().includes(wanted);
}

function operationOf(entry) {
  if (entry.operation) return entry.operation;
  if (entry.host === 'upload') return 'upload host';
  return entry.fault === null ? 'no such operation' : `fault ${entry.fault}`;
}

function fill(row, entry) {
  const code = row.querySelector('.code');
  code.textContent = entry.status ?? '…';
  code.className = `code ${kindOf(entry.status)}`;
  row.querySelector('.method').textContent = entry.method;
  row.querySelector('.path').textContent = entry.query ? `${entry.path}?${entry.query}` : entry.path;
  row.querySelector('.operation').textContent = operationOf(entry);
  row.hidden = !matches(entry);
  if (row.querySelector('details').open) fillDetail(row, entry);
}

function fillDetail(row, entry) {
  const facts = row.querySelector('.facts');
  facts.replaceChildren();
  const fact = (name, value) => {
    if (value === null || value === undefined || value === '') return;
    facts.append(element('dt', {}, name), element('dd', {}, String(value)));
  };
  fact('number', entry.seq);
  fact('operation', entry.operation);
  fact('closest operation', entry.near);
  fact('unknown parameters', (entry.unknown_parameters ?? []).join(', '));
  fact('response', entry.recorded ? 'from a recording' : '');
  fact('fault', entry.fault === null ? '' : `${entry.fault}`);
  fact('token', entry.token === null ? '' : `SHA-256 ${entry.token}…`);
  fact('request body', entry.body_length > 0 ? size(entry.body_length) : '');
  fact('Upload-Offset', entry.answered_offset);
  const bodies = row.querySelector('.bodies');
  bodies.replaceChildren();
  const block = (title, headers, body) => {
    const lines = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`);
    const text = [lines.join('\n'), pretty(body)].filter(Boolean).join('\n\n');
    if (text) bodies.append(element('h3', { class: 'meta' }, title), element('pre', { tabindex: '0' }, text));
  };
  block('Request', entry.headers, entry.request_body);
  block('Response', entry.response_headers, entry.response_body);
  // A request to the upload host cannot be repeated from here: the signature of its link is not in the log.
  row.querySelector('.detail .tools').hidden = entry.host === 'upload';
}

function pretty(body) {
  if (!body) return '';
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function show(entry) {
  const list = byId('request-list');
  const known = entries.get(entry.seq);
  if (known) {
    known.entry = entry;
    fill(known.row, entry);
    return;
  }
  const row = byId('request-template').content.cloneNode(true).querySelector('li');
  row.classList.add('new');
  entries.set(entry.seq, { entry, row });
  row.querySelector('details').addEventListener('toggle', () => fillDetail(row, entries.get(entry.seq).entry));
  for (const button of row.querySelectorAll('[data-as]')) {
    button.addEventListener('click', () => copy(snippet(button.dataset.as, entries.get(entry.seq).entry)));
  }
  fill(row, entry);
  list.prepend(row);
  while (list.children.length > MAX_SHOWN_REQUESTS) list.lastElementChild.remove();
  for (const seq of entries.keys()) {
    if (entries.size <= MAX_SHOWN_REQUESTS) break;
    entries.delete(seq);
  }
  byId('request-count').textContent = String(entries.size);
}

function emptyLog() {
  entries.clear();
  byId('request-list').replaceChildren();
  byId('request-count').textContent = '';
}

/** Follows the request log as server-sent events: first the newest entries, then each that is new or has changed. */
async function follow() {
  state.stream?.abort();
  const stream = new AbortController();
  state.stream = stream;
  let delay = MIN_RECONNECT_DELAY_MS;
  while (!stream.signal.aborted) {
    let reason = '';
    try {
      const response = await control('GET', '/requests/stream', { signal: stream.signal });
      byId('status').textContent = 'Connected';
      delay = MIN_RECONNECT_DELAY_MS;
      if (state.wasDisconnected && !state.paused) {
        // A sandbox that was started again counts its requests from 1. The stream begins with the newest in any case.
        state.wasDisconnected = false;
        emptyLog();
        refreshSoon();
      }
      await events(response.body, (name, data) => {
        if (name === 'cleared') emptyLog();
        else if (!state.paused) show(JSON.parse(data));
        refreshSoon();
      });
    } catch (error) {
      if (error instanceof HttpError) reason = ` (${error.message})`;
    }
    if (stream.signal.aborted) return;
    state.wasDisconnected = true;
    byId('status').textContent = `Disconnected${reason}; connecting again in ${delay / 1000} s…`;
    await new Promise((done) => setTimeout(done, delay));
    delay = Math.min(delay * 2, MAX_RECONNECT_DELAY_MS);
  }
}

/** Reads server-sent events. `EventSource` cannot send the control token. */
async function events(body, receive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffered = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffered += value;
    for (let end = buffered.indexOf('\n\n'); end >= 0; end = buffered.indexOf('\n\n')) {
      const fields = buffered.slice(0, end).split('\n');
      buffered = buffered.slice(end + 2);
      const field = (name) => fields.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field('data');
      if (data !== undefined) receive(field('event') ?? 'message', data);
    }
  }
}

// ---- Requests as code

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function jsonOf(entry) {
  try {
    return JSON.parse(entry.request_body);
  } catch {
    return undefined;
  }
}

function pythonValue(value) {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`;
  if (typeof value === 'object') {
    return `{${Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${pythonValue(member)}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}

function snippet(language, entry) {
  const method = entry.method;
  const query = new URLSearchParams(entry.query);
  const json = jsonOf(entry);
  const path = entry.query ? `${entry.path}?${entry.query}` : entry.path;
  if (language === 'curl') {
    const parts = [`curl -X ${/^[A-Z]+$/.test(method) ? method : quoted(method)} "$VIMEO_BASE_URL"${quoted(path.replace(/^\//, ''))}`];
    if (entry.has_authorization) parts.push('-H "Authorization: bearer $VIMEO_ACCESS_TOKEN"');
    const type = entry.headers?.['content-type'];
    if (type && entry.body_length > 0) parts.push(`-H ${quoted(`Content-Type: ${type}`)}`);
    // `-d` would send a file in place of a body that begins with an @.
    if (entry.request_body) parts.push(`--data-raw ${quoted(entry.request_body)}`);
    else if (entry.body_length > 0) parts.push('--data-binary @FILE');
    return parts.join(' \\\n  ');
  }
  if (language === 'rust') {
    const verb = method.toLowerCase();
    const lines = [`let response = vimeo`, `    .${verb}(${JSON.stringify(entry.path)})`];
    for (const [name, value] of query) lines.push(`    .query(${JSON.stringify(name)}, ${JSON.stringify(value)})`);
    if (json !== undefined) lines.push(`    .json(&serde_json::json!(${JSON.stringify(json)}))`);
    return `${[...lines, '    .send()', '    .await?;'].join('\n')}\n`;
  }
  const verb = method.toLowerCase();
  const parameters = Object.fromEntries(query);
  const data = json ?? (query.size > 0 ? parameters : undefined);
  const argument = data === undefined ? '' : `, ${method === 'GET' ? 'params' : 'data'}=${pythonValue(data)}`;
  return `response = client.${verb}(${JSON.stringify(entry.path)}${argument})\n`;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say('Copied.');
  } catch {
    say(text);
  }
}

// ---- Start

async function openWorld(world) {
  state.world = world;
  state.description = await read(`/worlds/${world}`);
  byId('base-url').textContent = state.description.url;
  byId('token').textContent = state.description.token;
  byId('first-upload').textContent = `VIMEO_BASE_URL=${state.description.url} VIMEO_ACCESS_TOKEN=${state.description.token} vimeo upload film.mp4`;
  const { clients } = await read('/clients');
  const select = byId('client');
  select.replaceChildren(...Object.keys(clients).map((name) => element('option', { value: name }, name)));
  const lines = () => { byId('client-lines').textContent = clients[select.value] ?? ''; };
  select.onchange = lines;
  lines();
  emptyLog();
  await refresh();
  showTarget();
  follow();
}

async function start() {
  let worlds;
  try {
    ({ worlds } = await read('/worlds'));
  } catch (error) {
    if (error.status === 401) {
      byId('unlock').hidden = false;
      byId('status').textContent = 'Locked';
      return;
    }
    byId('status').textContent = error.message;
    return;
  }
  byId('unlock').hidden = true;
  document.querySelector('main').hidden = false;
  const select = byId('world');
  select.replaceChildren(...worlds.map(({ world }) => element('option', { value: world }, String(world))));
  document.querySelector('.world').hidden = worlds.length < 2;
  select.onchange = () => openWorld(select.value).catch((error) => say(error.message));
  const { kinds } = await read('/events');
  byId('event-kinds').replaceChildren(...kinds.map((kind) => element('option', {}, kind)));
  const opened = worlds.find(({ world }) => String(world) === target().world)
    // A port can have a world of its own.
    ?? worlds.find(({ url }) => new URL(url).port === location.port) ?? worlds[0];
  select.value = String(opened.world);
  await openWorld(opened.world);
}

byId('unlock').addEventListener('submit', (event) => {
  event.preventDefault();
  state.controlToken = byId('control-token').value;
  sessionStorage.setItem('control-token', state.controlToken);
  start();
});
addEventListener('hashchange', () => {
  const { world } = target();
  const select = byId('world');
  if (world === undefined || world === select.value || ![...select.options].some(({ value }) => value === world)) {
    showTarget();
    return;
  }
  select.value = world;
  openWorld(world).catch((error) => say(error.message));
});
byId('filter').addEventListener('input', () => {
  for (const { entry, row } of entries.values()) row.hidden = !matches(entry);
});
byId('pause').addEventListener('click', () => {
  state.paused = !state.paused;
  byId('pause').setAttribute('aria-pressed', String(state.paused));
  byId('pause').textContent = state.paused ? 'Continue' : 'Pause';
  if (!state.paused) follow();
});
byId('clear-log').addEventListener('click', () => act(() => control('DELETE', '/requests')));
for (const button of document.querySelectorAll('[data-advance]')) {
  button.addEventListener('click', () => act(() => control('POST', '/clock', { body: { advance: Number(button.dataset.advance) } })));
}
byId('freeze').addEventListener('click', () => act(() =>
  control('POST', '/clock', { body: byId('frozen').hidden ? { freeze: true } : { resume: true } })));
byId('limit-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const number = (name) => Number(form.get(name));
  act(() => control('POST', '/limits', { body: { plain: number('plain'), with_fields: number('with_fields'), window: number('window') } }));
});
byId('fault-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const [name, number] = form.get('effect').split(':');
  const effect = number === undefined ? name : { [name]: Number(number) };
  const match = { world: Number(state.world) };
  if (form.get('method')) match.method = form.get('method');
  if (form.get('path')) match.path = form.get('path');
  act(() => control('POST', '/faults', { body: { effect, phase: form.get('phase'), times: Number(form.get('times')), match } }));
});
byId('trigger-form').addEventListener('submit', (event) => {
  event.preventDefault();
  act(() => control('POST', '/trigger', { body: { event: byId('event-kinds').value } }));
});
for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', () => copy(byId(button.dataset.copy).textContent));
}
setInterval(() => {
  if (state.world !== null && byId('frozen').hidden) read('/clock').then(showClock, () => {});
}, CLOCK_INTERVAL_MS);
start();
