import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What an openssl command said; a missing tool rejects, since the second opinion must not be skipped. */
export interface OpensslResult {
  code: number;
  output: string;
  /** The file that was asked for, empty when there is none. */
  produced: Buffer;
}

/**
 * Runs `openssl` in a folder holding `files`, which is removed afterwards.
 * @param args file names stand as they are, relative to the folder
 * @param produced name of a file that the command writes
 */
export async function openssl(
  args: string[],
  files: Record<string, Uint8Array | string> = {},
  produced?: string,
): Promise<OpensslResult> {
  const folder = await mkdtemp(join(tmpdir(), 'musubi-openssl-'));
  try {
    await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(folder, name), content)));
    const result = await new Promise<Omit<OpensslResult, 'produced'>>((resolve, reject) => {
      execFile('openssl', args, { cwd: folder }, (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') reject(error);
        else resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: `${stdout}${stderr}` });
      });
    });
    const empty = (): Buffer => Buffer.alloc(0);
    return { ...result, produced: produced ? await readFile(join(folder, produced)).catch(empty) : empty() };
  } finally {
    await rm(folder, { recursive: true });
  }
}
