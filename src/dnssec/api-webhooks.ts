import { type Static, Type } from 'typebox';
import { zoneEventKinds } from '#dnssec/core/managed/zone-events.ts';

/** The wire contract of `/v1/dns/webhooks`. */

const closed = { additionalProperties: false } as const;
const Time = Type.String({ description: 'RFC 3339.' });
const Kinds = Type.Array(Type.Enum([...zoneEventKinds]), {
  minItems: 1,
  uniqueItems: true,
  description: 'Kinds of events that it is told of; absent: all.',
});

export const ZoneWebhookPath = Type.Object({ webhook: Type.String({ maxLength: 100 }) });
export const ZoneWebhookRequest = Type.Object(
  { url: Type.String({ minLength: 1, maxLength: 2048 }), kinds: Type.Optional(Kinds) },
  closed,
);
export const ZoneWebhookItem = Type.Object({
  identity: Type.String(),
  url: Type.String(),
  kinds: Type.Optional(Kinds),
  createdAt: Time,
  delivered: Type.Integer({ description: 'Number of the last event that it took, or passed over.' }),
  failures: Type.Integer({ description: 'Tries since then that failed.' }),
  nextAttemptAt: Type.Optional(Time),
  lastError: Type.Optional(Type.String()),
});
export type ZoneWebhookItem = Static<typeof ZoneWebhookItem>;
export const NewZoneWebhookItem = Type.Object({
  ...ZoneWebhookItem.properties,
  secret: Type.String({ description: '`whsec_` and base64; shown this once.' }),
});
