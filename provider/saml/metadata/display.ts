import { isShown } from '../../shown_text.ts';
import { NAMESPACES } from '../names.ts';
import type { ServiceProviderMetadata, Texts } from '../service_provider.ts';
import { childrenNamed, textOf, type XmlElement } from '../xml/xml_element.ts';

const XML = 'http://www.w3.org/XML/1998/namespace';
const LONGEST_NAME = 200;
const LONGEST_DESCRIPTION = 1_000;
const LONGEST_ADDRESS = 2_048;

/**
 * What people are shown of a service provider: mdui:UIInfo of the role (SAML Metadata Extensions for Login and Discovery UI
 * §2.1), and its organisation where that says nothing. None of it is worth refusing the metadata for: what cannot be shown
 * is left out.
 */
export function readDisplay(entity: XmlElement, role: XmlElement): ServiceProviderMetadata['display'] {
  const [ui] = childrenNamed(role, NAMESPACES.metadata, 'Extensions').flatMap((extensions) =>
    childrenNamed(extensions, NAMESPACES.mdui, 'UIInfo'),
  );
  const [organization] = [role, entity].flatMap((owner) => childrenNamed(owner, NAMESPACES.metadata, 'Organization'));
  const inUi = (local: string) => (ui ? childrenNamed(ui, NAMESPACES.mdui, local) : []);
  const ofOrganization = (local: string) =>
    organization ? childrenNamed(organization, NAMESPACES.metadata, local) : [];
  return {
    names: firstOf(
      readTexts(inUi('DisplayName'), shownText(LONGEST_NAME)),
      readTexts(ofOrganization('OrganizationDisplayName'), shownText(LONGEST_NAME)),
      readTexts(ofOrganization('OrganizationName'), shownText(LONGEST_NAME)),
    ),
    descriptions: readTexts(inUi('Description'), shownText(LONGEST_DESCRIPTION)),
    logoUrl: inUi('Logo')
      .map((logo) => webAddress(textOf(logo)))
      .find((address) => address?.startsWith('https:')),
    informationUrls: firstOf(
      readTexts(inUi('InformationURL'), webAddress),
      readTexts(ofOrganization('OrganizationURL'), webAddress),
    ),
    privacyStatementUrls: readTexts(inUi('PrivacyStatementURL'), webAddress),
  };
}

/** Names and descriptions of a service of theirs. */
export function readLocalized(elements: readonly XmlElement[], isName: boolean): Texts {
  return readTexts(elements, shownText(isName ? LONGEST_NAME : LONGEST_DESCRIPTION));
}

/** The first in each language that says anything; languages by their first part (RFC 5646 §2.2.1). */
function readTexts(elements: readonly XmlElement[], read: (text: string | undefined) => string | undefined): Texts {
  const texts: { ja?: string; en?: string; other?: string } = {};
  for (const element of elements) {
    const text = read(textOf(element));
    if (text !== undefined) texts[languageOf(element)] ??= text;
  }
  return texts;
}

function languageOf(element: XmlElement): keyof Texts {
  const tag = element.attributes.find(({ namespace, local }) => namespace === XML && local === 'lang')?.value;
  const language = tag?.trim().toLowerCase().split('-', 1)[0];
  return language === 'ja' || language === 'en' ? language : 'other';
}

function firstOf(...candidates: readonly Texts[]): Texts {
  return candidates.find((texts) => Object.keys(texts).length > 0) ?? {};
}

/** One line, cut to `longest` characters; undefined where a person would not see what is written. */
function shownText(longest: number): (text: string | undefined) => string | undefined {
  return (text) => {
    const line = text?.replace(/\s+/g, ' ').trim();
    if (!line || !isShown(line)) return undefined;
    const characters = [...line];
    return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : line;
  };
}

function webAddress(text: string | undefined): string | undefined {
  if (!text || text.length > LONGEST_ADDRESS || !/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '' ? text : undefined;
}
