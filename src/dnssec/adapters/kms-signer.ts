import { KmsClient, KmsClientError } from '#kms/client.ts';
import { messageOf } from '#lib/errors.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { Caller, KeyLister, Kms, KeyMaker, Signer } from '#dnssec/ports.ts';

/** Where the KMS is: a base URL, or `unix:` and the path of a socket. */
export interface KmsAddress {
  readonly url: string;
}

/** A KMS with what the commands need besides signing. */
export interface ConnectedKms extends Kms {
  keyMakerFor(caller: Caller, region: string): KeyMaker;
  keyListerFor(caller: Caller, region: string): KeyLister;
}

/** Reach the KMS over HTTP: the only edge between the two modules. */
export function connectKms({ url }: KmsAddress): ConnectedKms {
  const client = (caller: Caller, region: string) => new KmsClient({ url, region, ...caller });
  return {
    signerFor: (caller, region) => signerOf(client(caller, region)),
    keyMakerFor: (caller, region) => keyMakerOf(client(caller, region)),
    keyListerFor: (caller, region) => keyListerOf(client(caller, region)),
    async assertKnown(caller) {
      const { caller: known, organisation } = await translated(() => client(caller, '').summary());
      const named = organisation === undefined ? {} : { namedOrganisation: organisation };
      return { identity: 'unknown', ...known, ...named };
    },
  };
}

function signerOf(client: KmsClient): Signer {
  return {
    getKey: (keyId) =>
      translated(async () => {
        const [key, publicKeys] = await Promise.all([client.getKey(keyId), publicKeysOf(client, keyId)]);
        const { identity, keyType, status, latestVersion } = key;
        return { keyId: identity, keyType, status, latestVersion, publicKeys };
      }),
    sign: ({ keyId, version, algorithm, inputs }) =>
      translated(() => client.signBatch(keyId, { keyVersion: version, inputs, ...algorithm.kmsParameters })),
  };
}

/** Keys of a type that does not sign have none, which their type tells well enough. */
async function publicKeysOf(client: KmsClient, keyId: string): Promise<ReadonlyMap<number, string>> {
  try {
    return await client.publicKeys(keyId);
  } catch (error) {
    if (error instanceof KmsClientError && error.details['code'] === 'wrong-operation') return new Map();
    throw error;
  }
}

function keyListerOf(client: KmsClient): KeyLister {
  return {
    listKeys: (labels) =>
      translated(async () => {
        const keys = await client.listKeys({ labels });
        return keys.map(({ identity, slug, status, latestVersion, labels: own = {} }) => ({
          keyId: identity,
          slug,
          status,
          latestVersion,
          labels: own,
        }));
      }),
    eventsAfter: (number) =>
      translated(async () => {
        const events = await client.eventsAfter(number);
        const last = events.at(-1)?.number;
        return last === undefined ? undefined : { last, keyIds: [...new Set(events.map(({ key }) => key))] };
      }),
  };
}

function keyMakerOf(client: KmsClient): KeyMaker {
  return {
    rotateKey: (keyId, once) => translated(async () => (await client.rotateKey(keyId, once)).latestVersion),
    findOrCreateKey: ({ name, keyType, labels, rotationPeriodInDays = 0 }) =>
      translated(async () => {
        const rotation = rotationPeriodInDays === 0 ? {} : { keyRotationEnabled: true, rotationPeriodInDays };
        const known = await client.listKeys({ labels });
        const usable = known.find((key) => key.keyType === keyType && key.status === 'active');
        if (usable === undefined) return (await client.createKey({ name, keyType, labels, ...rotation })).identity;
        const isRotatedSo = usable.keyRotationEnabled && usable.rotationPeriodInDays === rotationPeriodInDays;
        if (rotationPeriodInDays !== 0 && !isRotatedSo) await client.rotateEvery(usable.identity, rotationPeriodInDays);
        return usable.identity;
      }),
  };
}

/** Say in the words of this module what the KMS's client says. */
async function translated<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof KmsClientError)) throw error;
    throw new DnssecError(codeFor(error), messageOf(error), { cause: error, details: error.details });
  }
}

function codeFor({
  code,
  status,
}: KmsClientError): 'kms-unavailable' | 'unauthenticated' | 'not-found' | 'kms-refused' {
  if (code === 'unreachable' || status === 503 || status === 429) return 'kms-unavailable';
  if (status === 401) return 'unauthenticated';
  return status === 404 ? 'not-found' : 'kms-refused';
}
