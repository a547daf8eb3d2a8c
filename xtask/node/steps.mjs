// Runs the steps of a scenario. Prints a line of JSON per step, and stops at the first that fails.
import { writeFile } from 'node:fs/promises';

const { FAULT, REQUEST_LOG, VIMEO_BASE_URL } = process.env;

async function control(method, path, body) {
  const response = await fetch(new URL(`_sandbox${path}`, VIMEO_BASE_URL), { method, body });
  check(response.ok, `${method} ${path} returned ${response.status}: ${await response.clone().text()}`);
  return response;
}

export async function run(steps) {
  if (FAULT) await control('POST', '/faults', FAULT);
  for (const [name, step] of steps) {
    try {
      await step();
    } catch (error) {
      console.log(JSON.stringify({ step: name, failed: String(error) }));
      console.error(error);
      process.exit(1);
    }
    console.log(JSON.stringify({ step: name }));
  }
  console.log(JSON.stringify({ fired: await (await control('GET', '/faults/fired')).json() }));
  if (REQUEST_LOG) await writeFile(REQUEST_LOG, await (await control('GET', '/requests')).text());
  // Connections that are kept alive would hold the process.
  process.exit(0);
}

export function check(holds, otherwise) {
  if (!holds) throw new Error(typeof otherwise === 'string' ? otherwise : JSON.stringify(otherwise));
}
