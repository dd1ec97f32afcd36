import type { Certificate } from './certificate.ts';
import { PkiError } from './errors.ts';
import { GeneralNameTag, readGeneralNames } from './general_name.ts';
import { readNameAttributes } from './name.ts';
import type { ComparableName, NameConstraints } from './name_constraints.ts';
import { comparable, comparableMailbox, concerns, isWithin } from './name_constraints.ts';
import { nameAttributes } from './object_identifiers.ts';

/** Comparisons for one path. Thousands of names against thousands of subtrees is somebody's attack, not a certificate. */
const MAX_COMPARISONS = 20_000;

/** The name constraints that the authorities of one path have laid down so far (RFC 5280 §6.1.3 (b), (c)). */
export class NameRules {
  readonly #rules: NameConstraints[] = [];
  #comparisonsLeft = MAX_COMPARISONS;

  /** RFC 5280 §6.1.4 (g). Every authority's rules hold at once, which is what intersection and union come to. */
  add(constraints: NameConstraints | undefined): void {
    if (constraints !== undefined) this.#rules.push(constraints);
  }

  /**
   * Every name in the certificate lies where all the rules allow.
   *
   * @throws PkiError `path_name_constraints`, `path_work_exceeded`, or `der_malformed` for names that cannot be read.
   */
  check(certificate: Certificate): void {
    if (this.#rules.length === 0) return;
    const names = namesOf(certificate);
    for (const { permitted, excluded } of this.#rules) {
      this.#comparisonsLeft -= names.length * (permitted.length + excluded.length);
      if (this.#comparisonsLeft < 0) throw new PkiError('path_work_exceeded', 'there are too many names to compare');
      for (const name of names) {
        if (excluded.some((subtree) => concerns(subtree, name) && isWithin(name, subtree, 'some'))) {
          throw new PkiError('path_name_constraints', 'an authority excludes a name of the certificate');
        }
        const allowed = permitted.filter((subtree) => concerns(subtree, name));
        if (allowed.length > 0 && !allowed.some((subtree) => isWithin(name, subtree, 'all'))) {
          throw new PkiError('path_name_constraints', 'no authority permits a name of the certificate');
        }
      }
    }
  }
}

/** RFC 5280 §4.2.1.10: the subject and all alternative names; mail addresses in the subject count as mail. */
function namesOf({ subject, extensions }: Certificate): ComparableName[] {
  const alternatives = extensions.subjectAltName === undefined ? [] : readGeneralNames(extensions.subjectAltName);
  const names = alternatives.map(comparable);
  const relativeNames = readNameAttributes(subject);
  if (relativeNames.length > 0) names.push(comparable({ tag: GeneralNameTag.directoryName, value: subject }));
  for (const { type, value } of relativeNames.flat()) {
    if (type === nameAttributes.emailAddress) names.push(comparableMailbox(value.slice(1)));
  }
  return names;
}
