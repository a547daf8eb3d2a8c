// Finishes an upload from a ticket that Rust wrote, with tus-js-client, as a browser would: without an access token, and
// interrupted once. Prints the offset of the interruption and the offset of the resumption.
import { createReadStream, readFileSync } from 'node:fs';
import { Upload } from 'tus-js-client';

const [ticketFile, film] = process.argv.slice(2);
const ticket = JSON.parse(readFileSync(ticketFile, 'utf8'));

function send(stopAt) {
  return new Promise((resolve, reject) => {
    let first;
    let stopping = false;
    const upload = new Upload(createReadStream(film), {
      uploadUrl: ticket.upload_link,
      uploadSize: ticket.size,
      retryDelays: null,
      onProgress(sent) {
        first ??= sent;
        if (sent >= stopAt && !stopping) {
          stopping = true;
          upload.abort().then(() => resolve({ first, sent }), reject);
        }
      },
      onSuccess: () => resolve({ first, sent: ticket.size }),
      onError: reject,
    });
    upload.start();
  });
}

const interrupted = await send(ticket.size / 4);
if (interrupted.sent >= ticket.size) throw new Error('it was done before it could be interrupted');
const resumed = await send(Infinity);
console.log(`${interrupted.sent} ${resumed.first}`);
