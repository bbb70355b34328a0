import { audited, authorise, type Caller, factsOf, type KmsPorts } from '#kms/operations/context.ts';
import type { RegionWrappingKey } from '#kms/ports/material-store.ts';

/** Show the public half of a region's wrapping key, under which callers wrap what they import. */
export async function readWrappingKey(ports: KmsPorts, caller: Caller, region: string): Promise<RegionWrappingKey> {
  return audited(
    ports,
    caller,
    'kms.get_wrapping_key',
    { region },
    {
      decide: async () => {
        const authorised = await authorise(ports, caller, region, 'GetWrappingKey');
        return { decision: authorised.scope.region, facts: factsOf(authorised) };
      },
      carryOut: (identity) => getWrappingKey(ports, identity),
    },
  );
}

/** Regions whose wrapping key is being made, which takes a second, so that it is made once. */
const making = new WeakMap<KmsPorts, Map<string, Promise<RegionWrappingKey>>>();

/** Return the wrapping key of a region; it is made when it is first needed. @param region its identity */
export async function getWrappingKey(ports: KmsPorts, region: string): Promise<RegionWrappingKey> {
  const stored = await ports.store.findWrappingKey(region);
  if (stored !== undefined) return stored;
  const underWay = making.get(ports) ?? new Map<string, Promise<RegionWrappingKey>>();
  making.set(ports, underWay);
  let made = underWay.get(region);
  if (made === undefined) {
    made = makeWrappingKey(ports, region).finally(() => underWay.delete(region));
    underWay.set(region, made);
  }
  return made;
}

async function makeWrappingKey({ provider, store }: KmsPorts, region: string): Promise<RegionWrappingKey> {
  return store.insertFirstWrappingKey({ region, ...(await provider.generateWrappingKey(region)) });
}
