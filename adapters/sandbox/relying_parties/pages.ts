import { join } from 'node:path';
import ejs from 'ejs';
import type { Assets } from '../../../provider/web/assets.ts';
import { describeAbsence, describeClaim, describeOrigin, formatTime } from './claim_views.ts';
import type { Problem } from './relying_party_error.ts';
import type { SignedIn } from './sign_in.ts';
import type { Language, Site } from './sites.ts';
import type { Notice } from './visitors.ts';
import { words } from './words.ts';

export interface Page {
  language: Language;
  /** Of the page itself; the language switch leads to it. */
  path: string;
  notice?: Notice | undefined;
}

export interface Pages {
  front(page: Page): Promise<string>;
  greeting(page: Page, person: SignedIn): Promise<string>;
  problem(page: Page, problem: Problem, hubCode?: string): Promise<string>;
  text(page: Page, name: 'privacy' | 'terms'): Promise<string>;
}

/** Problems that signing in again can mend. */
const SIGN_IN_HELPS: readonly Problem[] = [
  'access_denied',
  'sign_in_unknown',
  'answer_refused',
  'assurance_too_low',
  'hub_refused',
  'hub_unreachable',
];
const GOOD_NEWS: readonly Notice[] = ['signed_out', 'still_signed_in'];

/** Renders one site's pages: plain HTML that needs no script. */
export function createPages(world: {
  site: Site;
  neighbour: { site: Site; origin: string };
  issuer: URL;
  assets: Assets;
}): Pages {
  const { site, neighbour, assets } = world;
  const styleSheets = [...assets.styleSheets, assets.assetUrl('relying_parties.css')];

  function render(template: string, page: Page, more: Record<string, unknown>): Promise<string> {
    const { language, notice, path } = page;
    return ejs.renderFile(
      join(import.meta.dirname, 'pages', `${template}.ejs`),
      {
        site: site.name,
        brand: site.brand[language],
        language,
        otherLanguage: language === 'ja' ? 'en' : 'ja',
        path,
        styleSheets,
        icon: assets.assetUrl(`${site.name}.svg`),
        words: words[language],
        notice: notice && { ...words[language].notices[notice], isGood: GOOD_NEWS.includes(notice) },
        ...more,
      },
      { cache: true },
    );
  }

  return {
    front(page) {
      const { language } = page;
      const asked = ['sub', ...site.claims].map((name) => words[language].claims[name]);
      const { title, lead } = words[language].fronts[site.name];
      return render('front', page, { title, lead, purpose: site.purpose[language], asked });
    },

    greeting(page, person) {
      const { language } = page;
      const known = words[language];
      const { name } = person.claims;
      return render('greeting', page, {
        visit: describeVisit(site, person.claims, language),
        title: known.greeting(typeof name === 'string' ? name.slice(0, 100) : undefined),
        person: {
          sub: person.sub,
          acr: person.acr,
          amr: person.amr.map((code) => ({ code, meaning: known.amrMeanings[code] })),
          authTime: formatTime(person.authTime, language) ?? known.unknown,
        },
        claims: site.claims.map((claim) => ({
          label: known.claims[claim],
          view: describeClaim(claim, person.claims[claim], language),
          origin: describeOrigin(claim, person.claims, language),
          absence: describeAbsence(claim, person.claims, language),
        })),
        portalUrl: new URL('/portal', world.issuer).href,
        neighbour: { name: neighbour.site.brand[language], url: `${neighbour.origin}/` },
        technical: {
          idToken: JSON.stringify(person.idTokenClaims, null, 2),
          userinfo: JSON.stringify(person.claims, null, 2),
        },
      });
    },

    problem(page, problem, hubCode) {
      const { title, paragraphs } = words[page.language].problems[problem];
      return render(
        'message',
        { ...page, path: `/problem/${problem}` },
        {
          title,
          paragraphs,
          hubCode,
          signInHelps: SIGN_IN_HELPS.includes(problem),
        },
      );
    },

    text(page, name) {
      return render('message', page, { ...words[page.language].texts[name], hubCode: undefined, signInHelps: false });
    },
  };
}

/** What came of the visit: whether the person can check in, or pay. */
function describeVisit(site: Site, claims: Readonly<Record<string, unknown>>, language: Language) {
  const texts = words[language].visits[site.name];
  const value = claims[site.visitIsAbout];
  const view = describeClaim(site.visitIsAbout, value, language);
  const absence = describeAbsence(site.visitIsAbout, claims, language);
  const origin = describeOrigin(site.visitIsAbout, claims, language);
  const shown = (tone: 'success' | 'warning' | 'info', text: { title: string; text: string }) => ({
    ...{ tone, label: texts.label, again: texts.again, ...text, origin },
  });
  if (view && 'text' in view) {
    return value === false ? shown('warning', texts.no) : shown('success', texts.yes(view.text));
  }
  return absence === undefined ? shown('info', texts.notGiven) : shown('warning', texts.unavailable(absence));
}
