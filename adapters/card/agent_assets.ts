import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cardMessages, pageWords } from './card_words.ts';

const PAGES = join(import.meta.dirname, 'pages');

export interface AgentAsset {
  type: string;
  body: string;
}

/** The files of the agent's own page (the design system's are the hub's, see provider/web/assets.ts), or null. */
export async function agentAsset(pathname: string): Promise<AgentAsset | null> {
  switch (pathname) {
    case '/agent/sign.js':
      return { type: 'text/javascript; charset=utf-8', body: await readFile(join(PAGES, 'sign.js'), 'utf8') };
    case '/agent/words.js':
      return { type: 'text/javascript; charset=utf-8', body: WORDS_MODULE };
    case '/agent/agent.css':
      return { type: 'text/css; charset=utf-8', body: await readFile(join(PAGES, 'agent.css'), 'utf8') };
    default:
      return null;
  }
}

/** The message table as a module, so that the page's script says what the server and the command line say. */
const WORDS_MODULE = `export const messages = ${JSON.stringify(cardMessages)};
export const words = ${JSON.stringify(pageWords)};
`;
