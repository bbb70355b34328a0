import { pairsOf } from '#cli/key-forms.ts';
import { UsageError } from '#cli/usage-error.ts';
import { policyFields } from '#dnssec/api-signing.ts';
import { parseDuration } from '#lib/duration.ts';
import { ServiceError } from '#lib/errors.ts';

type PolicyFieldName = keyof typeof policyFields;

/**
 * Read `FIELD=VALUE` of a policy; numbers are durations. Whether the values go together is for the service to say.
 *
 * @throws UsageError
 */
export function parsePolicyFields(pairs: readonly string[]): Readonly<Record<string, string | number | boolean>> {
  const given = Object.entries(pairsOf('policy', pairs));
  return Object.fromEntries(given.map(([field, text]) => [field, parseField(field, text)]));
}

function parseField(field: string, text: string): string | number | boolean {
  if (!isField(field))
    throw new UsageError(`policy: there is no field "${field}"; there are ${Object.keys(policyFields).join(', ')}`);
  const schema: { readonly type?: unknown; readonly enum?: readonly string[] } = policyFields[field];
  if (schema.type === 'integer') return parseSeconds(field, text);
  if (schema.type === 'boolean') return parseBoolean(field, text);
  if (schema.enum?.includes(text) === false)
    throw new UsageError(`policy: ${field} is one of ${schema.enum.join(', ')}, not "${text}"`);
  return text;
}

function parseSeconds(field: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw error instanceof ServiceError ? new UsageError(`policy: ${field}: ${error.message}`, error) : error;
  }
}

function isField(name: string): name is PolicyFieldName {
  return Object.hasOwn(policyFields, name);
}

function parseBoolean(field: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new UsageError(`policy: ${field} is true or false, not "${text}"`);
}
