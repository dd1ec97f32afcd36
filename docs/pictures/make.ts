import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { launchChromium, newPerson } from '../../test/browser/person.ts';
import { newDataFolder, startSandboxProcess } from '../../test/support/sandbox_process.ts';

/** Pixels. The card agent's window is as wide as the sign-in page opens it. */
const HEIGHT = 860;
const PAGE = { width: 680, height: HEIGHT };
const AGENT = { width: 520, height: HEIGHT };
const CARDS_IN_THE_PICTURE = ['taro.card.json', 'ichiro.card.json'];

/**
 * Makes the pictures of the README again: `node docs/pictures/make.ts`. A sandbox is started on its usual ports, a sign-in
 * is begun, and the sign-in page and the card agent's window are photographed and laid side by side.
 */
async function signInPicture(): Promise<void> {
  const { dataFolder, remove } = await newDataFolder();
  const sandbox = await startSandboxProcess({ dataFolder, args: [] });
  const browser = await launchChromium();
  try {
    const cards = join(dataFolder, 'cards');
    for (const name of readdirSync(cards)) if (!CARDS_IN_THE_PICTURE.includes(name)) rmSync(join(cards, name));
    const person = await newPerson(browser, { locale: 'en-GB', viewport: PAGE });
    await person.beginSignIn(sandbox.clinic);
    const agent = await person.openCardAgent();
    await agent.setViewportSize(AGENT);
    await agent.check('[name=card][value=taro]');
    await agent.fill('#pin', '1234');
    await agent.evaluate('scrollTo(0, document.querySelector("#request-title").offsetTop - 12)');

    const canvas = await browser.newPage({ viewport: { width: PAGE.width + AGENT.width + 80, height: HEIGHT + 90 } });
    await canvas.setContent(
      sideBySide([
        { address: sandbox.issuer, picture: await person.page.screenshot() },
        { address: `${sandbox.cardAgent}/sign`, picture: await agent.screenshot() },
      ]),
    );
    await canvas.screenshot({ path: join(import.meta.dirname, 'sign-in.png') });
  } finally {
    await browser.close();
    await sandbox.end('SIGTERM');
    remove();
  }
}

function sideBySide(windows: readonly { address: string; picture: Buffer }[]): string {
  const figures = windows.map(
    ({ address, picture }) => `<figure><figcaption>${address}</figcaption>
      <img src="data:image/png;base64,${picture.toString('base64')}" alt=""></figure>`,
  );
  return `<!doctype html><style>
    body { display: flex; justify-content: space-between; margin: 24px; background: #dfe6ee; }
    figure { margin: 0; overflow: hidden; border: 1px solid #949494; border-radius: 10px; box-shadow: 0 6px 20px rgb(0 0 0 / 20%); }
    figcaption { font: 14px/34px sans-serif; padding: 0 16px; background: #f0f0f0; color: #333; border-bottom: 1px solid #ccc; }
    img { display: block; }
  </style>${figures.join('')}`;
}

await signInPicture();
