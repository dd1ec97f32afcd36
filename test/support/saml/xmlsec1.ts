import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs `xmlsec1` in a folder that holds `files` and is removed afterwards: the second opinion on XML signatures, by libxml2
 * and OpenSSL. A missing tool rejects, since it must not be skipped.
 *
 * @param args file names stand as they are, relative to the folder
 */
export async function xmlsec1(
  args: readonly string[],
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'musubi-xmlsec1-'));
  try {
    await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(folder, name), content)));
    return await new Promise((resolve, reject) => {
      execFile('xmlsec1', args, { cwd: folder, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') reject(error);
        else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
      });
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
