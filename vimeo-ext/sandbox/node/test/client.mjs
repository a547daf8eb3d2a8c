import vimeoModule from '@vimeo/vimeo';

const { Vimeo, vimeo_module: vimeo } = vimeoModule;

/** The published @vimeo/vimeo, in a world. */
export function clientOf(world) {
  const { hostname, port, protocol } = new URL(world.url);
  Object.assign(vimeo.request_defaults, { hostname, port, protocol });
  const client = new Vimeo(world.clientId, world.clientSecret, world.token);
  const call = async (method, path, query) => (await client.request({ method, path, query })).body;
  return Object.assign(client, { call });
}

/** The status of a GET. The library's promises lose it if it is an error, but its callbacks do not. */
export function statusOf(client, path) {
  return new Promise((resolve) => {
    client.request(path, (error, body, status) => resolve(status ?? error));
  });
}
