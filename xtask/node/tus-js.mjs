// The scenario with a published tus-js-client, in the version that PACKAGE names. It receives an upload link, as a browser
// would.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

import { check, run } from './steps.mjs';

const { FILM, PACKAGE, VIMEO_ACCESS_TOKEN, VIMEO_BASE_URL } = process.env;
const imported = await import(PACKAGE);
const { Upload } = imported.Upload ? imported : imported.default;
const CHUNK = 50000;
const { size } = await stat(FILM);
const made = [];

async function call(method, path, body) {
  const response = await fetch(new URL(path, VIMEO_BASE_URL), {
    method,
    headers: { authorization: `bearer ${VIMEO_ACCESS_TOKEN}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  check(response.ok, `${method} ${path} returned ${response.status}`);
  return response.status === 204 ? undefined : response.json();
}

async function create() {
  const video = await call('POST', '/me/videos', { name: 'Surf', upload: { approach: 'tus', size } });
  made.push(video.uri);
  return video.upload.upload_link;
}

/** Sends the film to a link. Gives the offset after each chunk. `stop` is called after each and can abort. */
function send(link, options = {}, stop = () => false) {
  const offsets = [];
  return new Promise((resolve, reject) => {
    const upload = new Upload(createReadStream(FILM), {
      // Version 1 wants an endpoint even if it is given a link.
      endpoint: VIMEO_BASE_URL,
      uploadUrl: link,
      uploadSize: size,
      chunkSize: CHUNK,
      retryDelays: [0, 100, 300],
      ...options,
      onChunkComplete(_, accepted) {
        offsets.push(accepted);
        // Version 1 gives no promise.
        if (stop()) Promise.resolve(upload.abort()).then(() => resolve(offsets), reject);
      },
      onSuccess: () => resolve(offsets),
      onError: reject,
    });
    upload.start();
  });
}

const ends = Array.from({ length: Math.ceil(size / CHUNK) }, (_, chunk) => Math.min((chunk + 1) * CHUNK, size));

async function checkComplete() {
  const video = await call('GET', `${made.at(-1)}?fields=upload.status`);
  check(video.upload.status === 'complete', video);
}

await run([
  ['log in', () => call('GET', '/me?fields=uri')],
  ['upload', async () => {
    const offsets = await send(await create());
    check(offsets.at(-1) === size, offsets);
    await checkComplete();
  }],
  ['resume', async () => {
    const link = await create();
    const before = await send(link, {}, () => true);
    check(before.join() === String(CHUNK), before);
    // The second client knows only the link.
    const after = await send(link);
    check(after.join() === ends.slice(1).join(), after);
    await checkComplete();
  }],
  ['override', async () => {
    const offsets = await send(await create(), { overridePatchMethod: true });
    check(offsets.join() === ends.join(), offsets);
    await checkComplete();
  }],
  ['delete', async () => {
    for (const video of made) await call('DELETE', video);
  }],
]);
