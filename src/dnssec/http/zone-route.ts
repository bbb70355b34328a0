import type { TSchema } from 'typebox';
import type { ZoneCallers } from '#dnssec/http/zone-caller.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';

/** What the routes of `/v1/dns` work with. */
export interface ZoneRoutesOptions {
  readonly ports: ZonePorts;
  readonly callers: ZoneCallers;
}

/** Describe a route for the OpenAPI document, with the schema of its answer. */
export function describe<Answer extends TSchema>(summary: string, answer?: Answer, status = 200) {
  return { summary, tags: ['Zones'], ...(answer === undefined ? {} : { response: { [status]: answer } }) };
}
