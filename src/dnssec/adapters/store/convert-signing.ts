import type { Database } from '#database/database.ts';
import { canonicalName, orderKeyOf, parseName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { newsOf } from '#dnssec/adapters/store/key-records.ts';
import { parseList } from '#dnssec/adapters/store/zone-rows.ts';
import { inZone, keyBytes } from '#dnssec/adapters/store/zone-view.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { keyTagOf } from '#dnssec/core/keys/dnskey.ts';
import type { Role } from '#dnssec/core/keys/zone-key.ts';
import {
  defaultPolicy,
  type SigningKey,
  type SigningPolicy,
  type ZoneSigning,
} from '#dnssec/core/managed/signing-state.ts';
import { hiddenRecords, moveRecord, recordNames } from '#dnssec/core/rollover/key-state.ts';
import { startTtls } from '#dnssec/core/rollover/ttl-history.ts';

/** How signing was written down before keys could roll. */
interface FirstForm {
  readonly region: string;
  readonly kmsKeyIdentity?: string;
  readonly keys: readonly {
    readonly keyId: string;
    readonly version: number;
    readonly role: Role;
    readonly algorithm: number;
    readonly keyTag: number;
  }[];
  readonly policy: Partial<SigningPolicy>;
  readonly enabledAt: number;
  readonly publishDsAfter: number;
  readonly lastSignedAt: number;
  readonly lastSignError?: string;
}

interface Row {
  readonly id: number;
  readonly name: string;
  readonly signing: string;
}

/**
 * Rewrite the signing of zones that was written before keys could roll, each zone in one transaction. Their keys count as
 * published since they signed first; everything else is found out by the next step of their rollovers, which is due at
 * once. Repeating it changes nothing, and processes that do it at the same time don't disturb each other.
 *
 * @throws DnssecError key-invalid when a zone does not publish the keys that it says it is signed with
 */
export async function convertSigning(database: Database): Promise<void> {
  const rows = await database.rows<Row>(
    `SELECT id, name, signing FROM zones WHERE signing LIKE '%"publishDsAfter"%' ORDER BY id`,
  );
  for (const { id, name, signing } of rows) {
    const first = JSON.parse(signing) as FirstForm;
    const converted = secondForm(first, name, await dnskeysOf(database, id, name));
    await database.write([
      {
        sql: 'UPDATE zones SET signing = ?, due_at = 0, state = state + 1 WHERE id = ? AND signing = ?',
        values: [JSON.stringify(converted), id, signing],
      },
      ...newsOf(id, { kmsKeys: converted.keys.map(({ region, keyId }) => ({ region, keyId })) }),
    ]);
  }
}

async function dnskeysOf(database: Database, id: number, name: string): Promise<Rdata[]> {
  const key = keyBytes(orderKeyOf(canonicalName(parseName(name))));
  const [row] = await database.rows<{ rdatas: Uint8Array }>(
    `SELECT rdatas FROM zone_rrsets WHERE ${inZone} AND owner_key = ? AND type = ?`,
    id,
    key,
    rrTypes.DNSKEY,
  );
  return row === undefined ? [] : parseList(row.rdatas);
}

function secondForm(first: FirstForm, name: string, dnskeys: readonly Rdata[]): ZoneSigning {
  const { publishDsAfter: _, keys, policy: given, ...rest } = first;
  const since = Math.floor(first.enabledAt / 1000);
  const policy: SigningPolicy = { ...defaultPolicy, ...given };
  return {
    ...rest,
    keys: keys.map(({ keyId, version, role, algorithm, keyTag }): SigningKey => {
      const dnskey = dnskeys.find((one) => keyTagOf(one) === keyTag);
      if (dnskey === undefined)
        throw new DnssecError('key-invalid', `zone ${name} does not publish key ${keyTag} that it is signed with`);
      const id = `${keyId}.${version}`;
      let key: SigningKey = {
        id,
        region: first.region,
        keyId,
        version,
        keyTag,
        dnskey,
        role,
        algorithm,
        goal: 'omnipresent',
        records: hiddenRecords(role, since),
      };
      for (const record of recordNames) {
        if (record !== 'ds' && key.records[record] !== undefined)
          key = { ...key, ...moveRecord(key, record, 'rumoured', since) };
      }
      return key;
    }),
    policy,
    ttls: startTtls({
      dnskey: policy.dnskeyTtl,
      zone: policy.maxTtl,
      negative: policy.maxTtl,
      ds: policy.parentDsTtl,
    }),
    parent: {},
    round: { kind: 'done', at: since },
    keySetAt: since,
  };
}
