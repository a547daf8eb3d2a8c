// The scenario with the published tus-js-client. It receives an upload link, as a browser would.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

import { Upload } from 'tus-js-client';

import { check, run } from './steps.mjs';

const { FILM, VIMEO_ACCESS_TOKEN, VIMEO_BASE_URL } = process.env;
const { size } = await stat(FILM);
const made = {};

async function call(method, path, body) {
  const response = await fetch(new URL(path, VIMEO_BASE_URL), {
    method,
    headers: { authorization: `bearer ${VIMEO_ACCESS_TOKEN}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  check(response.ok, `${method} ${path} returned ${response.status}`);
  return response.status === 204 ? undefined : response.json();
}

await run([
  ['log in', async () => {
    const video = await call('POST', '/me/videos', { name: 'Surf', upload: { approach: 'tus', size } });
    made.video = video.uri;
    made.link = video.upload.upload_link;
  }],
  ['upload', () => new Promise((resolve, reject) => {
    const upload = new Upload(createReadStream(FILM), {
      uploadUrl: made.link,
      uploadSize: size,
      chunkSize: 50000,
      retryDelays: [0, 100, 300],
      onSuccess: resolve,
      onError: reject,
    });
    upload.start();
  })],
  ['get', async () => {
    const video = await call('GET', `${made.video}?fields=upload.status`);
    check(video.upload.status === 'complete', video);
  }],
  ['delete', () => call('DELETE', made.video)],
]);
