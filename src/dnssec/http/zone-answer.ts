import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { secondsOf } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { openSpool, type Spool } from '#lib/spool.ts';
import type { SignZoneQuery } from '#dnssec/api.ts';
import type { DnssecRoutesOptions, ZoneBody } from '#dnssec/http/routes.ts';
import { maxZoneRecords, type ZoneGate } from '#dnssec/http/zone-gate.ts';
import { parseKeyChoices } from '#dnssec/operations/choose-keys.ts';
import { type SignZoneTextRequest, signZoneText, summaryText, zoneToSign } from '#dnssec/operations/sign-zone-text.ts';
import { parseOrigin, signingPolicy } from '#dnssec/operations/signing-options.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';
import type { ZoneForm } from '#dnssec/core/zone/line-printer.ts';
import type { Caller } from '#dnssec/ports.ts';

interface SignZoneCall extends DnssecRoutesOptions {
  readonly gate: ZoneGate;
  readonly caller: Caller;
  readonly query: SignZoneQuery;
  readonly body: ZoneBody;
}

/**
 * Answer with a signed zone. It is held back on disk until all of it has been verified: a zone that fails is never sent
 * in part. As NDJSON the answer starts at once with lines that tell the progress, and says at its end how it went.
 */
export async function sendSignedZone(call: SignZoneCall, reply: FastifyReply): Promise<FastifyReply> {
  const wantsLines = (reply.request.headers.accept ?? '').includes('application/x-ndjson');
  if (wantsLines) return reply.type('application/x-ndjson').send(Readable.from(answerLines(call)));
  const spool = await openSpool();
  try {
    await signInto(call, 'master', spool, () => undefined);
  } catch (error) {
    await spool[Symbol.asyncDispose]();
    throw error;
  }
  return reply.type('text/dns; charset=us-ascii').send(Readable.from(drain(spool)));
}

async function signInto(
  { kms, verifier, clock, gate, caller, query, body }: SignZoneCall,
  form: ZoneForm,
  spool: Spool,
  onProgress: NonNullable<SignZoneTextRequest['onProgress']>,
): Promise<object> {
  const policy = signingPolicy({ ...query, optOut: query.optOut === 'true', zonemd: query.zonemd === 'true' });
  const choices = parseKeyChoices(query);
  const origin = query.origin === undefined ? {} : { origin: parseOrigin(query.origin) };
  const signer = kms.signerFor(caller, query.region);
  await kms.assertKnown(caller);
  using _place = gate.enter();
  const source = await openZone(body.octets, body.form, { fileName: 'body', maxRecords: maxZoneRecords, ...origin });
  const request = {
    source: zoneToSign(source),
    policy,
    form,
    onProgress,
    chooseKeys: async () => choices,
    write: (octets: Uint8Array) => spool.write(octets),
  };
  const summary = summaryText(await signZoneText(request, secondsOf(clock), { signer, verifier }));
  return summary;
}

async function* drain(spool: Spool): AsyncGenerator<Uint8Array> {
  try {
    yield* spool.read();
  } finally {
    await spool[Symbol.asyncDispose]();
  }
}

/** The longest silence before the next progress line, in milliseconds. */
const progressInterval = 500;

async function* answerLines(call: SignZoneCall): AsyncGenerator<string | Uint8Array> {
  await using spool = await openSpool();
  let latest: object = { stage: 'reading', done: 0 };
  const outcome = signInto(call, 'ndjson', spool, (progress) => (latest = progress)).then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  let ended: Awaited<typeof outcome> | undefined;
  while (ended === undefined) {
    ended = await Promise.race([outcome, pause(progressInterval)]);
    yield `${JSON.stringify({ progress: latest })}\n`;
  }
  if ('error' in ended) {
    yield `${JSON.stringify({ error: problemOf(ended.error) })}\n`;
    if (!(ended.error instanceof ServiceError)) throw ended.error; // the log must have it
    return;
  }
  yield* spool.read();
  yield `${JSON.stringify({ result: ended.result })}\n`;
}

function pause(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds).unref());
}

function problemOf(error: unknown): object {
  if (!(error instanceof ServiceError)) return { code: 'internal', message: 'internal error' };
  return { code: error.code, message: error.message, details: error.details };
}
