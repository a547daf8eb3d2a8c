// Runs a scenario step by step: a line of JSON for each, and the end at the first that fails.
import { writeFile } from 'node:fs/promises';

const { FAULT, JOURNAL, VIMEO_BASE_URL } = process.env;

async function control(method, path, body) {
  const answer = await fetch(new URL(`_sandbox${path}`, VIMEO_BASE_URL), { method, body });
  check(answer.ok, `${method} ${path} answered ${answer.status}: ${await answer.clone().text()}`);
  return answer;
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
  if (JOURNAL) await writeFile(JOURNAL, await (await control('GET', '/journal')).text());
  // Connections that are kept alive would hold the process.
  process.exit(0);
}

export function check(holds, otherwise) {
  if (!holds) throw new Error(typeof otherwise === 'string' ? otherwise : JSON.stringify(otherwise));
}
