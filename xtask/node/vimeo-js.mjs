// The scenario with the published @vimeo/vimeo, or with its predecessor `vimeo`, as PACKAGE says. The lines that the sandbox
// prints for it change only its host.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import { check, run } from './steps.mjs';

const require = createRequire(import.meta.url);
const { CLIENT_LINES, FILM, PACKAGE, PICTURE, TEXT_TRACK } = process.env;
const load = () => (PACKAGE === '@vimeo/vimeo' ? require(PACKAGE) : withPromises(require(PACKAGE)));
const [client, vimeo] = new Function('require', `${CLIENT_LINES}; return [client, vimeo]`)(load);
const made = {};

const call = async (method, path, query) => (await client.request({ method, path, query })).body;

/** Gives version 2, which takes callbacks alone, the promises of version 3. */
function withPromises({ vimeo_module: module }) {
  const promise = (begin) => new Promise((resolve, reject) => {
    begin((error, body, statusCode, headers) => (error ? reject(error) : resolve({ body, statusCode, headers })));
  });
  class Vimeo extends module.Vimeo {
    // The library calls this method itself, with a callback.
    request(options, callback) {
      return callback ? super.request(options, callback) : promise((done) => super.request(options, done));
    }

    generateClientCredentials(scope) {
      return promise((done) => super.generateClientCredentials(scope, done));
    }

    accessToken(code, redirect) {
      return promise((done) => super.accessToken(code, redirect, done));
    }

    upload(file, params, progress) {
      return new Promise((resolve, reject) => super.upload(file, params, resolve, progress, reject));
    }

    replace(file, video, params, progress) {
      return new Promise((resolve, reject) => super.replace(file, video, params, resolve, progress, reject));
    }
  }
  return { vimeo_module: { ...module, Vimeo } };
}

/** Sends a file to a signed link. The link is not part of the API and gets no token. */
async function put(link, file) {
  const response = await fetch(link, { method: 'PUT', body: await readFile(file) });
  check(response.status === 200, `PUT returned ${response.status}`);
}

await run([
  ['log in', async () => {
    const app = new vimeo.Vimeo(client._clientId, client._clientSecret);
    const grant = (await app.generateClientCredentials('public')).body;
    app.setAccessToken(grant.access_token);
    await app.request('/categories');

    // The library's URL lacks the port; the test adds it. Then it sends the page's form with consent, as a browser would.
    const redirect = 'http://127.0.0.1:9/back';
    const page = new URL(client.buildAuthorizationEndpoint(redirect, ['public', 'private'], 'state'));
    page.port = vimeo.request_defaults.port;
    const body = new URLSearchParams([...page.searchParams, ['decision', 'accept']]);
    page.search = '';
    const response = await fetch(page, { method: 'POST', body, redirect: 'manual' });
    const back = new URL(response.headers.get('location')).searchParams;
    check(back.get('state') === 'state', 'the state did not come back');
    const user = new vimeo.Vimeo(client._clientId, client._clientSecret);
    const token = (await user.accessToken(back.get('code'), redirect)).body;
    user.setAccessToken(token.access_token);
    check((await user.request('/me')).body.uri === token.user.uri, token);
  }],
  ['get', async () => {
    const { body, statusCode } = await client.request('/me?fields=uri,name');
    check(statusCode === 200 && Object.keys(body).sort().join() === 'name,uri', body);
    const refused = await client.request('/videos/404404404').catch((error) => JSON.parse(error.message));
    check(refused.error, refused);
  }],
  ['page', async () => {
    for (const name of ['One', 'Two', 'Three']) await call('POST', '/me/albums', { name });
    const seen = [];
    let path = '/me/albums?per_page=2&fields=uri';
    let page;
    while (path) {
      page = await call('GET', path);
      seen.push(...page.data.map((item) => item.uri));
      path = page.paging.next;
    }
    check(page.total === 3 && new Set(seen).size === 3, seen);
  }],
  ['upload', async () => {
    made.video = await client.upload(FILM, { name: 'Surf', privacy: { view: 'nobody' } }, () => {});
    const video = await call('GET', `${made.video}?fields=name,privacy.view,upload.status`);
    check(video.name === 'Surf' && video.privacy.view === 'nobody', video);
    check(video.upload.status === 'complete', video);
  }],
  ['edit', async () => {
    const video = await call('PATCH', made.video, { name: 'Swell' });
    check(video.name === 'Swell', video);
    await call('PUT', `${made.video}/tags/ocean`);
    check((await call('GET', `${made.video}/tags`)).total === 1, 'no tag');
  }],
  ['replace', async () => {
    check((await client.replace(FILM, made.video, {}, () => {})) === made.video, 'another video');
    check((await call('GET', `${made.video}/versions`)).total === 2, 'no second version');
  }],
  ['picture', async () => {
    const video = await call('GET', `${made.video}?fields=metadata.connections.pictures.uri`);
    const picture = await call('POST', video.metadata.connections.pictures.uri);
    await put(picture.link, PICTURE);
    await call('PATCH', picture.uri, { active: true });
    check((await call('GET', picture.uri)).active === true, 'the picture is not active');
  }],
  ['text track', async () => {
    const track = { type: 'captions', language: 'en', name: 'captions.vtt' };
    const created = await call('POST', `${made.video}/texttracks`, track);
    await put(created.link, TEXT_TRACK);
    check((await call('GET', `${made.video}/texttracks`)).total === 1, 'no text track');
  }],
  ['delete', async () => {
    await call('DELETE', made.video);
    const gone = await client.request(made.video).then(() => false, () => true);
    check(gone, 'it is still there');
  }],
]);
