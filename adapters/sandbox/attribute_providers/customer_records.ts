import type { Customer, SandboxProvider } from './sandbox_providers.ts';

/** What is asked for one claim. */
export interface AskedClaim {
  readonly target_date?: string | undefined;
}

type Records = Readonly<Record<string, (customer: Customer, day: string, provider: SandboxProvider) => unknown>>;

/** What the sandbox's providers have of their customers, as of a day (`YYYY-MM-DD`); by the names of the catalogue. */
const RECORDS: Records = {
  health_insurance_valid: isCustomerOn,
  health_insurance(customer, day, { names, insurer }) {
    const { symbol, number, branch } = customer.knows;
    return {
      valid: isCustomerOn(customer, day),
      target_date: day,
      insurer_number: insurer?.number,
      insurer_name: names.ja,
      insurer_address: insurer?.address,
      ...{ symbol, number, branch: branch ?? '00', relation: 'insured' },
      ...{ name: customer.name, name_kana: customer.nameKana, birthdate: customer.birthdate, gender: customer.gender },
      qualified_on: customer.since,
      ...(customer.until && { expires_on: customer.until }),
      share_of_cost: 30,
      // National health insurance is the city's: it has the address, and no office.
      ...(insurer?.office
        ? { office: insurer.office.name, office_address: insurer.office.address }
        : { address: customer.address, effective_on: customer.since }),
    };
  },
  medical_costs: (_customer, day) => [
    visit(monthBefore(day, 1), 'medical', 'むすび診療所', 1, 6_840),
    visit(monthBefore(day, 1), 'pharmacy', 'むすび薬局', 1, 3_120),
    visit(monthBefore(day, 3), 'dental', '中央歯科クリニック', 2, 9_450),
    visit(monthBefore(day, 7), 'medical', 'むすび市立病院', 1, 12_300),
  ],
  checkup_results: (_customer, day) => [
    checkup(monthBefore(day, 4), { weight: 71.2, waist: 86.5, bmi: 24.6, systolic: 132, glucose: 101, judgement: 'b' }),
    checkup(monthBefore(day, 16), { weight: 70.4, waist: 85, bmi: 24.4, systolic: 128, glucose: 97, judgement: 'a' }),
    checkup(monthBefore(day, 28), { weight: 68.9, waist: 83.5, bmi: 23.8, systolic: 124, glucose: 94, judgement: 'a' }),
  ],
  pension_record: (_customer, day) =>
    [2, 4, 6, 8, 10, 12].map((before) => ({ month: monthBefore(day, before), kind: 'old_age_basic', amount: 136_000 })),
  card_customer_valid: isCustomerOn,
  payment_token: ({ knows }) => ({
    ...{ brand: 'Musubi', masked_number: `************${knows.last_digits}`, expires: '2029-12' },
  }),
  spending_category: (_customer, day) =>
    [1, 2].flatMap((before) => [
      { month: monthBefore(day, before), category: 'food', amount: 42_800 - before * 900 },
      { month: monthBefore(day, before), category: 'transport', amount: 12_300 + before * 450 },
      { month: monthBefore(day, before), category: 'utilities', amount: 18_900 },
    ]),
};

/** What a provider says of a customer; undefined when it has nothing of that kind. */
export function recordOf(provider: SandboxProvider, customer: Customer, claim: string, day: string): unknown {
  const has = provider.offers.includes(claim) && Object.hasOwn(RECORDS, claim);
  return has ? RECORDS[claim]?.(customer, day, provider) : undefined;
}

function isCustomerOn({ since, until }: Customer, day: string): boolean {
  return since <= day && (until === undefined || day <= until);
}

/** `YYYY-MM`, so many months before a day. */
function monthBefore(day: string, months: number): string {
  const date = new Date(`${day.slice(0, 7)}-01T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() - months);
  return date.toISOString().slice(0, 7);
}

function visit(month: string, kind: string, institution: string, days: number, total: number) {
  const care = kind === 'pharmacy' ? {} : { care: 'outpatient' };
  return { month, kind, ...care, institution, days, total, paid: Math.round((total * 0.3) / 10) * 10 };
}

function checkup(month: string, measured: Readonly<Record<string, unknown>>) {
  return {
    date: `${month}-15`,
    ...{ height: 170.2, diastolic: 82, eyesight_right: 1.2, eyesight_left: 0.6, hearing: 'normal', triglycerides: 128 },
    ...{ hdl: 58, ldl: 124, hba1c: 5.6, metabolic: 'none' },
    ...measured,
  };
}
