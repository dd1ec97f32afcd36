/**
 * The card agent as a process of its own: `node adapters/card/main.ts --cards DIR [--port N]`.
 *
 * Says where it listens in one line of JSON, and to its parent when it was forked. Ends on SIGTERM or SIGINT, and when the
 * parent goes away: an agent that nobody started is not left behind with the cards.
 */
import { parseArgs } from 'node:util';
import { runNeighbourProcess } from '../neighbour_process.ts';
import { DEFAULT_CARD_AGENT_PORT, startCardAgent } from './card_agent.ts';
import { softCardDoor } from './soft_card.ts';

const USAGE = `Usage: node adapters/card/main.ts --cards DIR [--port N]
  --cards DIR   folder of soft cards (NAME.card.json)
  --port N      port on 127.0.0.1, 0 for any free one (default ${DEFAULT_CARD_AGENT_PORT})
`;

/** @throws TypeError or RangeError with words for the person at the terminal. */
function readArguments(): { cards: string; port: number } | 'help' {
  const { values } = parseArgs({
    options: { cards: { type: 'string' }, port: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return 'help';
  if (values.cards === undefined) throw new TypeError('--cards is missing');
  const port = Number(values.port ?? DEFAULT_CARD_AGENT_PORT);
  if (!/^[0-9]{1,5}$/.test(values.port ?? '0') || port > 65_535) throw new RangeError('--port is no port number');
  return { cards: values.cards, port };
}

await runNeighbourProcess(USAGE, async () => {
  const options = readArguments();
  if (options === 'help') return 'help';
  const agent = await startCardAgent({ cards: softCardDoor(options.cards), port: options.port });
  return { listening: agent.url, close: () => agent.close() };
});
