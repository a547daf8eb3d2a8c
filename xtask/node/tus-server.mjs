// The tus server `@tus/server`. Prints two addresses: one whose uploads stay, and one whose links expire at once. Exits at the
// end of its standard input.
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

// If a client is killed in the middle of a body, the server's reader fails because it reads past the end. The server must
// continue for the other clients.
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
