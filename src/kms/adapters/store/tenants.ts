import { type Database, DatabaseError, type SqlValue } from '#database/database.ts';
import { writeClaimed } from '#kms/adapters/store/claims.ts';
import type { RowSealer } from '#kms/adapters/store/keys.ts';
import type { Policy } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { Credential, CredentialKind, Organisation, Region, TenantStore } from '#kms/ports/tenant-store.ts';
import { utf8Bytes } from '#lib/bytes.ts';
import { encodeHex } from '#lib/encoding.ts';

const sql = {
  findOrganisation:
    'SELECT * FROM organisations WHERE identity = ? OR slug = ? ORDER BY CASE WHEN identity = ? THEN 0 ELSE 1 END LIMIT 1',
  listOrganisations: 'SELECT * FROM organisations ORDER BY identity',
  putOrganisation: `INSERT INTO organisations (identity, name, slug, kms_enabled) VALUES (?, ?, ?, ?)
    ON CONFLICT (identity) DO UPDATE SET name = excluded.name, slug = excluded.slug, kms_enabled = excluded.kms_enabled`,
  findRegion:
    'SELECT * FROM regions WHERE identity = ? OR slug = ? ORDER BY CASE WHEN identity = ? THEN 0 ELSE 1 END LIMIT 1',
  listRegions: 'SELECT * FROM regions ORDER BY identity',
  putRegion: `INSERT INTO regions (identity, name, slug, kms_available) VALUES (?, ?, ?, ?)
    ON CONFLICT (identity) DO UPDATE SET name = excluded.name, slug = excluded.slug, kms_available = excluded.kms_available`,
  // What a client got counts no longer than the client, also where it was made while that was revoked.
  findCredential: `SELECT * FROM credentials WHERE hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)
    AND NOT EXISTS (SELECT 1 FROM credentials AS owner WHERE owner.identity = credentials.principal AND owner.revoked_at IS NOT NULL)`,
  putCredential: `INSERT INTO credentials
    (identity, kind, hash, principal, name, organisation, project, policies, created_at, expires_at, revoked_at, seal)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (identity) DO UPDATE SET hash = excluded.hash, name = excluded.name, policies = excluded.policies,
      created_at = excluded.created_at, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at, seal = excluded.seal`,
  listCredentials: `SELECT * FROM credentials WHERE kind <> 'access' ORDER BY created_at, identity`,
  listOwnCredentials: `SELECT * FROM credentials WHERE kind <> 'access' AND organisation = ? ORDER BY created_at, identity`,
  revoke: `UPDATE credentials SET revoked_at = ?
    WHERE (identity = ? OR (kind = 'access' AND principal = ?)) AND revoked_at IS NULL AND (? = '' OR organisation = ?) RETURNING kind`,
  dropExpired: `DELETE FROM credentials WHERE kind = 'access' AND expires_at < ?`,
};

interface TenantRow {
  readonly identity: string;
  readonly name: string;
  readonly slug: string;
}

interface CredentialRow {
  readonly identity: string;
  readonly kind: CredentialKind;
  readonly hash: Uint8Array;
  readonly principal: string;
  readonly name: string;
  readonly organisation: string | null;
  readonly project: string | null;
  readonly policies: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  readonly seal: Uint8Array;
}

/** Keep organisations, regions and credentials in a database. */
export function openTenantStore(database: Database, sealer: RowSealer): TenantStore {
  return {
    async findOrganisation(id) {
      const [row] = await database.rows<OrganisationRow>(sql.findOrganisation, id, id, id);
      return row === undefined ? undefined : organisationOf(row);
    },
    listOrganisations: async () => (await database.rows<OrganisationRow>(sql.listOrganisations)).map(organisationOf),
    putOrganisation: ({ identity, name, slug, kmsEnabled }) =>
      put(database, 'organisation', slug, sql.putOrganisation, [identity, name, slug, Number(kmsEnabled)]),

    async findRegion(id) {
      const [row] = await database.rows<RegionRow>(sql.findRegion, id, id, id);
      return row === undefined ? undefined : regionOf(row);
    },
    listRegions: async () => (await database.rows<RegionRow>(sql.listRegions)).map(regionOf),
    putRegion: ({ identity, name, slug, kmsAvailable }) =>
      put(database, 'region', slug, sql.putRegion, [identity, name, slug, Number(kmsAvailable)]),

    async findCredential(hash, now) {
      const [row] = await database.rows<CredentialRow>(sql.findCredential, hash, now);
      if (row === undefined) return undefined;
      const credential = credentialOf(row);
      if (sealer.isSealed('credential', sealedOctets(credential), row.seal)) return credential;
      throw new KmsError(
        'row-damaged',
        `the stored credential ${row.identity} was changed behind the back of the service`,
      );
    },
    async putCredential(credential, claim) {
      const values = credentialValues(credential, sealer.seal('credential', sealedOctets(credential)));
      const { identity, createdAt: at } = credential;
      await writeClaimed(database, [{ sql: sql.putCredential, values }], claim, { identity, at });
    },
    async listCredentials(organisation) {
      const rows =
        organisation === undefined
          ? await database.rows<CredentialRow>(sql.listCredentials)
          : await database.rows<CredentialRow>(sql.listOwnCredentials, organisation);
      return rows.map(credentialOf);
    },
    async revokeCredential(identity, organisation = '', now) {
      const rows = await database.rows(sql.revoke, now, identity, identity, organisation, organisation);
      return rows.length > 0;
    },
    dropExpiredAccess: (before) => database.write([{ sql: sql.dropExpired, values: [before] }]),
  };
}

async function put(database: Database, what: string, slug: string, text: string, values: SqlValue[]): Promise<void> {
  try {
    await database.write([{ sql: text, values }]);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== 'unique-violated') throw error;
    throw new KmsError('slug-conflict', `name: another ${what} has the slug ${slug}`, { cause: error });
  }
}

type OrganisationRow = TenantRow & { readonly kms_enabled: number };
type RegionRow = TenantRow & { readonly kms_available: number };

function organisationOf({ identity, name, slug, kms_enabled }: OrganisationRow): Organisation {
  return { identity, name, slug, kmsEnabled: kms_enabled === 1 };
}

function regionOf({ identity, name, slug, kms_available }: RegionRow): Region {
  return { identity, name, slug, kmsAvailable: kms_available === 1 };
}

function credentialOf(row: CredentialRow): Credential {
  return {
    identity: row.identity,
    kind: row.kind,
    hash: row.hash,
    principal: {
      identity: row.principal,
      ...(row.organisation === null ? {} : { organisation: row.organisation }),
      ...(row.project === null ? {} : { project: row.project }),
      policies: JSON.parse(row.policies) as Policy[],
    },
    name: row.name,
    createdAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  };
}

function credentialValues(
  { identity, kind, hash, principal, name, createdAt, expiresAt, revokedAt }: Credential,
  seal: Uint8Array,
): SqlValue[] {
  const { organisation = null, project = null, policies } = principal;
  return [
    identity,
    kind,
    hash,
    principal.identity,
    name,
    organisation,
    project,
    JSON.stringify(policies),
    createdAt,
    expiresAt ?? null,
    revokedAt ?? null,
    seal,
  ];
}

/** The octets that the seal of a credential covers: all but its revocation, which takes rights away only. */
function sealedOctets({ identity, kind, hash, principal, expiresAt }: Credential): Uint8Array {
  const { organisation = null, project = null, policies } = principal;
  return utf8Bytes(
    JSON.stringify([
      identity,
      kind,
      encodeHex(hash),
      principal.identity,
      organisation,
      project,
      policies,
      expiresAt ?? null,
    ]),
  );
}
