// A tus server that others wrote. Prints where it is: uploads that stay, and uploads whose links expire at once. Ends
// with its standard input.
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

// When a client is killed in the middle of a body, the server's own reader trips over the end that it has seen already. One
// client's death must not end the server for all.
process.on('uncaughtException', (error) => {
  if (error.code !== 'ERR_INVALID_STATE') throw error;
});

const [folder] = process.argv.slice(2);

function start(path, options) {
  const datastore = new FileStore({ directory: folder, ...options });
  const server = new Server({ path, datastore });
  return new Promise((resolve) => {
    const listening = server.listen({ host: '127.0.0.1', port: 0 }, () =>
      resolve(`http://127.0.0.1:${listening.address().port}${path}`),
    );
  });
}

const lasting = await start('/files', {});
const expiring = await start('/expiring', { expirationPeriodInMilliseconds: 1 });
console.log(`${lasting} ${expiring}`);
process.stdin.on('end', () => process.exit(0)).resume();
