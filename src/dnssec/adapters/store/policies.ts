import { type Database, DatabaseError } from '#database/database.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { defaultPolicy, type SigningPolicy } from '#dnssec/core/managed/signing-state.ts';
import type { NamedPolicy, PolicyStore } from '#dnssec/ports-policies.ts';
import type { ZoneScope } from '#dnssec/ports-zones.ts';

interface PolicyRow {
  readonly name: string;
  readonly version: number;
  readonly created_at: number;
  readonly principal: string | null;
  readonly policy: string;
}

const inScope = 'organisation = ? AND project = ?';
const sql = {
  find: `SELECT * FROM zone_policies WHERE ${inScope} AND name = ? AND version = ?`,
  findNewest: `SELECT * FROM zone_policies WHERE ${inScope} AND name = ? ORDER BY version DESC LIMIT 1`,
  list: `SELECT * FROM zone_policies AS one WHERE ${inScope} AND version = (SELECT max(version) FROM zone_policies AS other
    WHERE other.organisation = one.organisation AND other.project = one.project AND other.name = one.name) ORDER BY name`,
  insert: `INSERT INTO zone_policies (organisation, project, name, version, created_at, principal, policy)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
};

/** Keep policies in the database of the zones. */
export function openPolicyStore(database: Database): PolicyStore {
  return {
    async findPolicy(scope, name, version) {
      const [row] =
        version === undefined
          ? await database.rows<PolicyRow>(sql.findNewest, ...scopeValues(scope), name)
          : await database.rows<PolicyRow>(sql.find, ...scopeValues(scope), name, version);
      return row === undefined ? undefined : policyOf(row);
    },
    listPolicies: async (scope) => (await database.rows<PolicyRow>(sql.list, ...scopeValues(scope))).map(policyOf),
    async insertPolicy(scope, { name, version, createdAt, principal = null, policy }) {
      const values = [...scopeValues(scope), name, version, createdAt, principal, JSON.stringify(policy)];
      try {
        await database.write([{ sql: sql.insert, values }]);
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== 'unique-violated') throw error;
        throw new DnssecError('conflict', `policy ${name} was changed by another call at the same time: try again`, {
          cause: error,
        });
      }
    },
  };
}

function scopeValues({ organisation, project = '' }: ZoneScope): [string, string] {
  return [organisation, project];
}

/** A field that is younger than the policy has its default. */
function policyOf({ name, version, created_at, principal, policy }: PolicyRow): NamedPolicy {
  return {
    name,
    version,
    createdAt: created_at,
    ...(principal === null ? {} : { principal }),
    policy: { ...defaultPolicy, ...(JSON.parse(policy) as SigningPolicy) },
  };
}
