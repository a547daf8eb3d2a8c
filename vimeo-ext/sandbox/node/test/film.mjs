import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const CONTENT = Buffer.from(Array.from({ length: 100_000 }, (_, place) => place % 256));

/** Writes a file to upload, which is deleted when the process ends. */
export function film() {
  const folder = mkdtempSync(join(tmpdir(), 'film-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'film.mp4');
  writeFileSync(path, CONTENT);
  return path;
}
