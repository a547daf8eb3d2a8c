// Compiled, not run: the same types for a CommonJS program.
import { startSandbox, type World } from 'vimeo-sandbox';

export async function worldOf(): Promise<World> {
  const sandbox = await startSandbox();
  return sandbox.world();
}
