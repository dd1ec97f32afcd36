import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HubError } from '../../../provider/errors.ts';
import { writeSoftCard } from '../../card/soft_card.ts';
import { parseSoftCardFile, type SoftCardFile, softCardFileName } from '../../card/soft_card_file.ts';

/** Replaces the files of these cards; a PIN counter that was being written comes out as the new card's. */
export async function writeCards(folder: string, cards: readonly SoftCardFile[]): Promise<void> {
  for (const card of cards) await writeSoftCard(folder, card);
}

/** @throws HubError `card_missing` (409) when somebody has taken the file away */
export async function readSoftCardFile(folder: string, name: string): Promise<SoftCardFile> {
  try {
    return parseSoftCardFile(await readFile(join(folder, softCardFileName(name)), 'utf8'), name);
  } catch (error) {
    throw new HubError('card_missing', 409, "The citizen's card file cannot be read.", { cause: error });
  }
}
