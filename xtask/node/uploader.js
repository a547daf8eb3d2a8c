// Runs in a page, as a script of a web application that uploads to Vimeo.
/* global Tus, Uppy, options, tus */

/** Calls the API. The request is not a simple one, so the browser asks the host for permission first. */
async function call(method, path, body) {
  const answer = await fetch(new URL(path, options.base), {
    method,
    headers: {
      accept: 'application/vnd.vimeo.*+json;version=3.4',
      authorization: `bearer ${options.token}`,
      'content-type': 'application/json',
    },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: text && JSON.parse(text) };
}

/** Sends the film to an upload link, and gives the offsets that the upload host accepted. */
async function send(link, { stopAfterChunk = false, overridePatchMethod = false } = {}) {
  const film = await (await fetch('/film.mp4')).blob();
  const upload = options.uppy ? sendWithUppy : sendWithTus;
  return upload(film, link, { stopAfterChunk, overridePatchMethod });
}

function sendWithTus(film, link, { stopAfterChunk, overridePatchMethod }) {
  const offsets = [];
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(film, {
      // Version 1 wants an endpoint even if it is given a link.
      endpoint: options.base,
      uploadUrl: link,
      chunkSize: options.chunk,
      retryDelays: [0, 100, 300],
      overridePatchMethod,
      onChunkComplete(_, accepted) {
        offsets.push(accepted);
        // Version 1 gives no promise.
        if (stopAfterChunk) Promise.resolve(upload.abort()).then(() => resolve(offsets), reject);
      },
      onSuccess: () => resolve(offsets),
      onError: reject,
    });
    upload.start();
  });
}

function sendWithUppy(film, link, { stopAfterChunk, overridePatchMethod }) {
  const offsets = [];
  return new Promise((resolve, reject) => {
    const uppy = new Uppy().use(Tus, {
      chunkSize: options.chunk,
      retryDelays: [0, 100, 300],
      overridePatchMethod,
      // Otherwise, Uppy takes the next upload of the same film for a finished one.
      removeFingerprintOnSuccess: true,
      onChunkComplete(_, accepted) {
        offsets.push(accepted);
        if (stopAfterChunk) {
          uppy.pauseAll();
          resolve(offsets);
        }
      },
    });
    const file = uppy.addFile({ name: 'film.mp4', type: 'video/mp4', data: film });
    uppy.setFileState(file, { tus: { uploadUrl: link } });
    uppy.on('upload-error', (_, error) => reject(error));
    uppy.upload().then(({ failed, successful }) => {
      if (failed.length || successful.length !== 1) reject(new Error(`${failed.length} failed`));
      resolve(offsets);
    }, reject);
  });
}
