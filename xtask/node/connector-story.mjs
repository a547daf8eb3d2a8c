// The whole story of the connector, played by a program without our code: fetch, and a page in Chromium that uploads with
// tus-js-client. The transcript goes to standard output; secrets and links are replaced in it.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { chromium } from 'playwright-core';

import { check } from './steps.mjs';

const {
  CHROMIUM, FILM, RETURN_URL, STORE, VIMEO, VIMEO_ACCESS_TOKEN, VIMEO_CLIENT_ID, VIMEO_CLIENT_SECRET,
} = process.env;
const SERVICE = process.env.SERVICE.replace(/\/$/, '');
const SANDBOX = process.env.VIMEO_BASE_URL.replace(/\/$/, '');
const IDENTIFIER = 'bob@node.example';
const ACCOUNT = `/v1/accounts/${encodeURIComponent(IDENTIFIER)}`;
const SCOPES = ['public', 'private', 'create', 'edit', 'delete', 'upload'];
const PROTOCOL = '2026-07-28';
const TIMEOUT_MS = 30000;

const secrets = new Map([[VIMEO_ACCESS_TOKEN, '<access token>'], [VIMEO_CLIENT_SECRET, '<client secret>']]);

function hide(text) {
  let hidden = text;
  for (const [secret, name] of secrets) hidden = hidden.replaceAll(secret, name);
  return hidden.replaceAll(SERVICE, '<service>').replaceAll(SANDBOX, '<vimeo>');
}

const section = (title) => console.log(`\n== ${title}`);
const tell = (request, status, members) => (
  console.log(hide(`${request} → ${status}${members === undefined ? '' : ` ${JSON.stringify(members)}`}`))
);
const pick = (value, names) => Object.fromEntries(names.map((name) => [name, value?.[name]]));
const signal = () => AbortSignal.timeout(TIMEOUT_MS);

/** A caller of the service with this API key. */
const caller = (key) => async (method, path, status, body, show) => {
  const response = await fetch(SERVICE + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
    signal: signal(),
  });
  const text = await response.text();
  const value = text ? JSON.parse(text) : undefined;
  tell(`${method} ${path}${body ? ` ${JSON.stringify(body)}` : ''}`, response.status, show && pick(value, show));
  check(response.status === status, `${method} ${path}: ${response.status} ${text}`);
  if (status >= 400) {
    check(response.headers.get('content-type') === 'application/problem+json', text);
    check(value.status === status && value.code && value.detail, value);
  }
  return value;
};

async function command(...parts) {
  const { stdout } = await promisify(execFile)(VIMEO, parts, { timeout: TIMEOUT_MS });
  return stdout;
}

async function createKey(name, ...options) {
  const key = (await command('serve', 'keys', 'create', name, '--store', STORE, ...options)).trim();
  secrets.set(key, '<API key>');
  tell(`vimeo serve keys create '${name}' ${options.join(' ')}`, 'done', { key });
  return key;
}

/** Reads server-sent events until the account has the wanted status. */
async function events(key, after, wanted) {
  const response = await fetch(`${SERVICE}/v1/events`, {
    headers: { authorization: `Bearer ${key}`, 'last-event-id': String(after) }, signal: signal(),
  });
  check(response.status === 200, `events: ${response.status}`);
  const found = [];
  let text = '';
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    const lines = text.split('\n');
    text = lines.pop();
    for (const line of lines.filter((each) => each.startsWith('data:'))) {
      found.push(JSON.parse(line.slice(5)));
      const { identifier, to } = found.at(-1);
      // Leaving the loop closes the connection.
      if (identifier === IDENTIFIER && to === wanted) return found;
    }
  }
  throw new Error('the events ended');
}

const atVimeo = async (path, options = {}) => {
  const headers = { authorization: `bearer ${VIMEO_ACCESS_TOKEN}`, 'content-type': 'application/json' };
  const response = await fetch(SANDBOX + path, { headers, signal: signal(), ...options });
  check(response.ok, `${path}: ${response.status}`);
  return response.json();
};

section('An API key');
const key = await createKey('node story', '--allow', 'publish,comments,webhooks');
const ownKey = await createKey('node agent', '--accounts', IDENTIFIER, '--allow', 'publish,webhooks');
const api = caller(key);
await caller('wrong')('GET', '/v1/accounts', 401, undefined, ['code', 'detail']);

section("An account, by the caller's own identifier");
const created = await Promise.all(
  Array.from({ length: 4 }, () => api('PUT', ACCOUNT, 200, undefined, ['identifier', 'status', 'version'])),
);
check(created.every((each) => JSON.stringify(each) === JSON.stringify(created[0])), created);
check(created[0].identifier === IDENTIFIER && created[0].status === 'pending', created[0]);

section('The user logs in');
const streamed = events(key, 0, 'active');
const link = await api('POST', `${ACCOUNT}/authorization-links`, 201, { scopes: SCOPES, return_url: RETURN_URL });
secrets.set(link.url, '<authorization link>');
const loginPage = await (await fetch(link.url, { signal: signal() })).text();
check(SCOPES.every((scope) => loginPage.includes(`<li>${scope}</li>`)), loginPage);
const form = new URLSearchParams(new URL(link.url).searchParams);
form.set('user', loginPage.match(/<option value="(\d+)"/)[1]);
form.set('decision', 'accept');
const decided = await fetch(`${SANDBOX}/oauth/authorize`, {
  method: 'POST', body: form, redirect: 'manual', signal: signal(),
});
const callback = decided.headers.get('location');
tell('browser: POST <vimeo>/oauth/authorize (accept)', decided.status, 'to <service>/v1/callback');
check(callback.startsWith(`${SERVICE}/v1/callback?`), callback);
const back = await fetch(callback, { redirect: 'manual', signal: signal() });
const returned = new URL(back.headers.get('location'));
tell('browser: GET <service>/v1/callback', back.status, { 'back to': returned.href });
check(back.status === 303 && returned.href.startsWith(RETURN_URL), returned.href);
check(returned.searchParams.get('identifier') === IDENTIFIER, returned.href);
check(returned.searchParams.get('status') === 'active', returned.href);
const replayed = await fetch(callback, { redirect: 'manual', signal: signal() });
tell('browser: GET <service>/v1/callback (the same one again)', replayed.status);
check(replayed.status === 400, 'a callback works twice');

section('Status, and events of the status');
const account = await api('GET', ACCOUNT, 200, undefined, ['identifier', 'status', 'user', 'scopes']);
check(account.status === 'active' && SCOPES.every((scope) => account.scopes.includes(scope)), account);
for (const event of await streamed) tell('event: status', 'received', pick(event, ['identifier', 'from', 'to']));
await api('POST', `${ACCOUNT}/disable`, 200, { reason: 'a pause' }, ['status', 'reason']);
await api('POST', `${ACCOUNT}/tools/vimeo_me_get`, 409, {}, ['code']);
await api('POST', `${ACCOUNT}/enable`, 200, undefined, ['status']);
check((await api('POST', `${ACCOUNT}/verify`, 200, undefined, ['status'])).status === 'active', 'not active');

section('Definitions of the tools');
const shapes = {
  mcp: (tool) => [tool.name, tool.inputSchema],
  anthropic: (tool) => [tool.name, tool.input_schema],
  openai: (tool) => [tool.function.name, tool.function.parameters],
};
const WANTED = [
  'vimeo_my_videos_list', 'vimeo_video_edit', 'vimeo_showcase_create', 'vimeo_showcase_video_add', 'vimeo_webhook_create',
];
for (const [shape, read] of Object.entries(shapes)) {
  const { tools } = await api('GET', `/v1/tools?format=${shape}`, 200);
  const found = new Map(tools.map(read));
  check(WANTED.every((name) => found.get(name)?.type === 'object'), [...found.keys()]);
  tell(`  ${shape}`, `${found.size} tools`, Object.keys(tools[0]).sort());
}

section('A browser uploads with the token alone, from a page of another origin');
const tokenInput = { lifetime_s: 600, max_uploads: 2, video: { name: 'Q3 raw', privacy_view: 'nobody' } };
const token = await api('POST', `${ACCOUNT}/upload-tokens`, 201, tokenInput, ['id', 'uploads_left', 'video']);
secrets.set(new URL(token.upload_url).searchParams.get('token'), '<upload token>');
const film = await readFile(FILM);
const files = new Map([
  ['/', ['text/html', '<!doctype html><meta charset="utf-8"><title>An uploader</title><script src="/tus.js"></script>']],
  ['/tus.js', ['text/javascript', await readFile(join(import.meta.dirname, 'node_modules/tus-js-client/dist/tus.min.js'))]],
  ['/film.mp4', ['video/mp4', film]],
  ['/favicon.ico', ['image/x-icon', '']],
]);
const site = createServer((request, answer) => {
  const [type, content] = files.get(request.url) ?? ['text/plain', 'not found'];
  answer.writeHead(files.has(request.url) ? 200 : 404, { 'content-type': type }).end(content);
});
await new Promise((done) => { site.listen(0, '127.0.0.1', done); });
const profile = await mkdtemp(join(tmpdir(), 'uploader-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: CHROMIUM,
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});

/** Uploads the film in the page. Returns the status of the first response, and where the bytes went. */
async function uploadInPage() {
  const page = await browser.newPage();
  const hosts = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') hosts.push(new URL(request.url()).origin);
  });
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  const sent = await page.evaluate(async (endpoint) => {
    const blob = await (await fetch('/film.mp4')).blob();
    let video;
    return new Promise((resolve) => {
      const upload = new window.tus.Upload(blob, {
        endpoint,
        metadata: { filename: 'film.mp4' },
        retryDelays: null,
        storeFingerprintForResuming: false,
        onAfterResponse(request, response) {
          if (request.getMethod() === 'POST') video = { status: response.getStatus(), body: response.getBody() };
        },
        onSuccess: () => resolve(video),
        onError: (error) => resolve({
          status: error.originalResponse?.getStatus(), body: error.originalResponse?.getBody(), failed: String(error),
        }),
      });
      upload.start();
    });
  }, token.upload_url);
  await page.close();
  return { ...sent, body: sent.body && JSON.parse(sent.body), hosts };
}

const uploaded = await uploadInPage();
tell(`page: POST ${token.upload_url}`, uploaded.status, uploaded.body);
check(uploaded.status === 201 && !uploaded.failed, uploaded);
check(uploaded.hosts.length > 0 && uploaded.hosts.every((host) => host !== SERVICE && host !== SANDBOX), uploaded.hosts);
tell('page: PATCH <upload link>', 'sent', { bytes: film.length, 'to Vimeo itself': true });
const videoUri = uploaded.body.video_uri;
const video = await atVimeo(videoUri);
check(video.name === 'Q3 raw' && video.upload.status === 'complete' && video.privacy.view === 'nobody', video);
await api('GET', `${ACCOUNT}/upload-tokens/${token.id}`, 200, undefined, ['uploads_left']);
await api('DELETE', `${ACCOUNT}/upload-tokens/${token.id}`, 204);
const refused = await uploadInPage();
tell(`page: POST ${token.upload_url}`, refused.status, pick(refused.body, ['status', 'code']));
check(refused.status === 401 && refused.body.code === 'unknown_upload_token', refused);
section('A browser uploads in parts, before the size is known');
const partsInput = { lifetime_s: 600, max_uploads: 1, video: { name: 'Parts', privacy_view: 'nobody' } };
const partsToken = await api('POST', `${ACCOUNT}/upload-tokens`, 201, partsInput, ['uploads_left', 'video']);
const partsSecret = new URL(partsToken.upload_url).searchParams.get('token');
secrets.set(partsSecret, '<upload token>');
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${site.address().port}/`);
const steps = await page.evaluate(async ({ service, bearer, timeout }) => {
  const taken = [];
  const call = async (method, url, headers, body) => {
    const response = await fetch(url, { method, headers, body });
    const value = await response.json();
    taken.push({ method, range: headers['content-range'], status: response.status, value });
    return value;
  };
  const blob = await (await fetch('/film.mp4')).blob();
  const half = Math.floor(blob.size / 2);
  const started = await call('POST', `${service}/v1/progressive-uploads`,
    { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }, '{"file_name":"parts.mp4"}');
  const url = started.upload_url;
  await call('PUT', url, { 'content-range': `bytes ${half}-${blob.size - 1}/*` }, blob.slice(half));
  await call('PUT', url, { 'content-range': `bytes 0-${half - 1}/${blob.size}` }, blob.slice(0, half));
  const deadline = Date.now() + timeout;
  while ((await call('GET', url, {})).state === 'sending' && Date.now() < deadline) {
    taken.pop();
    await new Promise((done) => { setTimeout(done, 50); });
  }
  return taken;
}, { service: SERVICE, bearer: partsSecret, timeout: TIMEOUT_MS });
for (const step of steps) {
  if (step.value.upload_url) secrets.set(new URL(step.value.upload_url).searchParams.get('secret'), '<secret of the upload>');
  const range = step.range ? ` ${step.range}` : '';
  tell(`page: ${step.method} <progressive upload>${range}`, step.status, pick(step.value, ['state', 'received_bytes', 'code']));
}
const assembled = steps.at(-1).value;
check(assembled.state === 'done' && assembled.sent_bytes === film.length, assembled);
const partsVideo = await atVimeo(assembled.video_uri);
check(partsVideo.name === 'Parts' && partsVideo.upload.status === 'complete', partsVideo);
await page.close();

await browser.close();
await rm(profile, { recursive: true });
site.close();

const videoId = videoUri.split('/').at(-1);
const EDIT = {
  video_id: videoId,
  name: 'Q3 Product Demo — Final Cut',
  description: 'The final cut of the product demo.',
  privacy_view: 'anybody',
  privacy_embed: 'public',
  privacy_download: false,
};
const LIST = { sort: 'date', direction: 'desc', per_page: 25 };
const WEBHOOK = {
  url: 'https://hooks.example.com/vimeo',
  event_types: ['video.upload.complete', 'video.transcode.complete', 'video.privacy.change'],
};

/** The paths of the members that differ. */
function changedFields(before, after, prefix = '') {
  const isObject = (value) => value && typeof value === 'object' && !Array.isArray(value);
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const [one, two] = [before[name], after[name]];
    if (isObject(one) && isObject(two)) return changedFields(one, two, `${prefix}${name}.`);
    return JSON.stringify(one) === JSON.stringify(two) ? [] : [prefix + name];
  }).sort();
}

/** Plays the four inputs to the letter. `call` returns the result of a tool. */
async function play(way, call, number) {
  section(`The tools, ${way}`);
  const { items } = await call('vimeo_my_videos_list', LIST);
  const entry = items.find((each) => each.uri === videoUri);
  check(['uri', 'name', 'description', 'privacy', 'stats'].every((name) => name in entry), entry);
  tell('  a video', 'has', Object.keys(entry).sort());

  const raw = { name: 'raw', description: null, privacy: { view: 'nobody', embed: 'private', download: true } };
  const before = await atVimeo(videoUri, { method: 'PATCH', body: JSON.stringify(raw) }).then(() => atVimeo(videoUri));
  const edited = await call('vimeo_video_edit', EDIT);
  check(edited.name === EDIT.name, edited);
  // The embed code has the title.
  const derived = ['modified_time', 'last_user_action_event_date', 'embed.html'];
  const after = await atVimeo(videoUri);
  const changed = changedFields(before, after).filter((name) => !derived.includes(name));
  check(changed.join() === 'description,name,privacy.download,privacy.embed,privacy.view', changed);
  const { view, embed, download } = after.privacy;
  check(after.name === EDIT.name && view === 'anybody' && embed === 'public' && download === false, after.privacy);
  tell('  changed at Vimeo', 'only', changed);

  const showcase = await call('vimeo_showcase_create', {
    name: `Launch ${number}`, description: 'All films of the launch.', privacy: 'password', password: 'correct horse', sort: 'added_first',
  });
  const album = showcase.uri.split('/').at(-1);
  await call('vimeo_showcase_video_add', { album_id: album, video_id: videoId });
  const inside = await atVimeo(`/me/albums/${album}/videos`);
  check(inside.data.map((each) => each.uri).join() === videoUri, inside);

  const webhooks = await call('vimeo_webhook_create', WEBHOOK);
  tell('  webhooks', 'registered', {
    types: webhooks.webhooks.map((each) => each.webhook_type), not_registered: webhooks.not_registered, notes: webhooks.notes,
  });
  check(webhooks.webhooks.length === 2 && webhooks.not_registered.join() === 'video.privacy.change', webhooks);
}

/** A call of the Model Context Protocol, written by hand. */
async function byProtocol(name, input) {
  const response = await fetch(`${SERVICE}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ownKey}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': PROTOCOL,
      'mcp-method': 'tools/call',
      'mcp-name': name,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name,
        arguments: input,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': PROTOCOL,
          'io.modelcontextprotocol/clientInfo': { name: 'by hand', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
    signal: signal(),
  });
  const text = await response.text();
  const data = text.split('\n').filter((line) => line.startsWith('data: ')).at(-1)?.slice(6) ?? text;
  tell(`POST /mcp tools/call ${name} ${JSON.stringify(input)}`, response.status);
  const { result } = JSON.parse(data);
  check(response.status === 200 && !result.isError, text);
  return result.structuredContent;
}

await play('each at its own path', async (name, input) => (
  (await api('POST', `${ACCOUNT}/tools/${name}`, 200, input)).result
), 1);
await play('with execute_tool', async (name, input) => {
  const body = { identifier: IDENTIFIER, tool_name: name, tool_input: input };
  return (await api('POST', '/v1/execute-tool', 200, body)).result;
}, 2);
await play('over the Model Context Protocol', byProtocol, 3);
await play('with the command', async (name, input) => {
  const output = await command('tools', 'call', name, JSON.stringify(input));
  tell(`vimeo tools call ${name} '${JSON.stringify(input)}'`, 'done');
  return JSON.parse(output);
}, 4);

section('Stored connections');
const connection = {
  name: 'Marketing of node',
  description: 'The films of the marketing team',
  enabled: true,
  clientIdentifier: VIMEO_CLIENT_ID,
  clientSecret: VIMEO_CLIENT_SECRET,
  accessToken: VIMEO_ACCESS_TOKEN,
};
const at = '/v1/vimeo-connections';
const stored = await api('POST', at, 201, connection, ['connectionId', 'name', 'enabled', 'clientIdentifier', 'version']);
const members = 'clientIdentifier,connectionId,description,enabled,name,version';
check(Object.keys(stored).sort().join() === members, stored);
const one = `${at}/${stored.connectionId}`;
check(JSON.stringify(await api('GET', one, 200)) === JSON.stringify(stored), stored);
const changed = await api('PATCH', one, 200, { version: stored.version, enabled: false }, ['enabled', 'version']);
const errors = [
  await api('PATCH', one, 409, { version: stored.version, enabled: true }, ['code', 'field']),
  await api('POST', at, 409, connection, ['code', 'field']),
  await api('POST', at, 400, { ...connection, name: '' }, ['code', 'field']),
  await api('POST', at, 422, { ...connection, name: 'Other', accessToken: 'wrong' }, ['code', 'field']),
  await caller('wrong')('GET', one, 401, undefined, ['code']),
];
check(new Set(errors.map((error) => error.code)).size === errors.length, errors);
await api('DELETE', `${one}?version=${changed.version}`, 204);
await api('GET', one, 404, undefined, ['code']);

section('The end');
await api('DELETE', ACCOUNT, 204);
await api('GET', ACCOUNT, 404, undefined, ['code']);
console.log('\nok');
// Connections that are kept alive would hold the process.
process.exit(0);
