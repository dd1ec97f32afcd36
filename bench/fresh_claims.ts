/** Two that insurers hold and one of card issuers; none is kept at the hub. */
export const FRESH_CLAIMS = ['health_insurance_valid', 'health_insurance', 'card_customer_valid'] as const;
