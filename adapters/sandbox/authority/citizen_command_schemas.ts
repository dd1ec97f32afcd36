import { z } from 'zod';
import { HubError } from '../../../provider/errors.ts';
import { REVOCATION_REASON, type RevocationReason } from '../pki/index.ts';
import type { CitizenOperations } from './citizen_operations.ts';
import { MUNICIPALITIES } from './municipalities.ts';
import { SCENARIOS, type Scenario } from './sandbox_citizens.ts';

type FinalReason = Exclude<RevocationReason, 'removeFromCRL'>;
const isFinal = (reason: RevocationReason): reason is FinalReason => reason !== 'removeFromCRL';

/** The keys of an object that is not empty, as zod's enum wants them. */
const keysOf = <Key extends string>(object: Record<Key, unknown>): Key[] => Object.keys(object) as Key[];

const text = (max: number) => z.string().min(1).max(max);
const name = z.string().regex(/^[a-z0-9-]{1,36}$/);
const municipality = z.enum(MUNICIPALITIES.map(({ code }) => code));
const address = text(200);
const flags = z.string().regex(/^[01]+$/);

const attributes = z
  .strictObject({
    name: text(100),
    address,
    birthDate: z.iso.date(),
    gender: z.enum(['1', '2', '3']),
    nameSubstitutes: flags,
    addressSubstitutes: flags,
  })
  .partial()
  .refine(
    (given) => flagsFit(given.name, given.nameSubstitutes) && flagsFit(given.address, given.addressSubstitutes),
    'one flag for each character',
  );

function flagsFit(value: string | undefined, valueFlags: string | undefined): boolean {
  return valueFlags === undefined || [...(value ?? '')].length === valueFlags.length;
}

const label = z.strictObject({ ja: text(100), en: text(100) });

/** The commands, their input and what they do. */
const COMMANDS = {
  list: command(z.strictObject({}), async (citizens) => citizens.list()),
  issue: command(
    z.strictObject({
      name,
      scenario: z.enum<Scenario[]>(keysOf(SCENARIOS)).optional(),
      label: label.optional(),
      attributes: attributes.optional(),
      municipality: municipality.optional(),
    }),
    (citizens, input) => citizens.issue(input),
  ),
  revoke: command(
    z.strictObject({
      name,
      certificate: z.enum(['user', 'signing', 'both']),
      device: z.enum(['card', 'phone']).optional(),
      reason: z.enum(keysOf(REVOCATION_REASON).filter(isFinal)),
    }),
    (citizens, input) => citizens.revoke(input),
  ),
  renew: command(z.strictObject({ name }), (citizens, input) => citizens.renew(input)),
  'add-phone': command(z.strictObject({ name }), (citizens, input) => citizens.addPhone(input)),
  move: command(
    z.strictObject({
      name,
      address,
      municipality: municipality.optional(),
      newSigningCertificate: z.boolean().optional(),
    }),
    (citizens, input) => citizens.move(input),
  ),
};

function command<Input, Output>(
  schema: z.ZodType<Input>,
  run: (citizens: CitizenOperations, input: Input) => Promise<Output>,
): (citizens: CitizenOperations, input: unknown) => Promise<Output> {
  return (citizens, input) => run(citizens, parseInput(schema, input));
}

/** @throws HubError `invalid_request` (400) that names the members that are wrong, and none of their values */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const wrong = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || '(whole)'))].slice(0, 10);
  throw new HubError('invalid_request', 400, `Not as expected: ${wrong.join(', ')}.`);
}

export type CitizenCommand = keyof typeof COMMANDS;
export const CITIZEN_COMMANDS = keysOf(COMMANDS);

/** Checks a command's input and runs it. @throws HubError `invalid_request` (400), or as CitizenOperations */
export function runCitizenCommand(citizens: CitizenOperations, name: CitizenCommand, input: unknown): Promise<unknown> {
  return COMMANDS[name](citizens, input);
}
