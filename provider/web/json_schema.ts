import { z } from 'zod';

/** The JSON Schema of a message, for an OpenAPI description. */
export function schemaOf(schema: z.ZodType): Record<string, unknown> {
  // Without `$schema`: OpenAPI 3.1 has JSON Schema 2020-12 for its dialect already.
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema);
  return rest;
}

/** How the hub's own interfaces say that something was refused (http_app.ts). */
export const apiError = z.strictObject({
  error: z.string().describe('A stable code.'),
  error_description: z.string().describe('For developers.'),
});
