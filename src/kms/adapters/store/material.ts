import type { Database } from '#database/database.ts';
import { DatabaseError } from '#database/database.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { StoredKek } from '#kms/ports/crypto-provider.ts';
import type { MaterialStore, RegionWrappingKey } from '#kms/ports/material-store.ts';

const sql = {
  listKeks: 'SELECT * FROM key_encryption_keys ORDER BY generation',
  insertKek:
    'INSERT INTO key_encryption_keys (id, generation, root_key_id, wrapped) VALUES (?, ?, ?, ?) ON CONFLICT (generation) DO NOTHING',
  replaceKek: 'UPDATE key_encryption_keys SET root_key_id = ?, wrapped = ? WHERE id = ? AND generation = ?',
  insertSetting: 'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING',
  selectSetting: 'SELECT value FROM settings WHERE name = ?',
  insertWrappingKey: 'INSERT INTO wrapping_keys (region, wrapped, public_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  selectWrappingKey: 'SELECT * FROM wrapping_keys WHERE region = ?',
};

interface KekRow {
  readonly id: string;
  readonly generation: number;
  readonly root_key_id: string;
  readonly wrapped: Uint8Array;
}

interface WrappingKeyRow {
  readonly region: string;
  readonly wrapped: Uint8Array;
  readonly public_key: Uint8Array;
}

/** Keep key-encryption keys, wrapping keys and settings in a database. */
export function openMaterialStore(database: Database): MaterialStore {
  const listKeks = async (): Promise<StoredKek[]> =>
    (await database.rows<KekRow>(sql.listKeks)).map(({ id, generation, root_key_id: rootKeyId, wrapped }) => ({
      id,
      generation,
      rootKeyId,
      wrapped,
    }));
  const findWrappingKey = async (region: string): Promise<RegionWrappingKey | undefined> => {
    const [row] = await database.rows<WrappingKeyRow>(sql.selectWrappingKey, region);
    return row === undefined ? undefined : { region, wrapped: row.wrapped, publicKey: row.public_key };
  };
  return {
    listKeks,
    async insertFirstKek({ id, generation, rootKeyId, wrapped }) {
      await database.write([{ sql: sql.insertKek, values: [id, generation, rootKeyId, wrapped] }]);
      return kept((await listKeks())[0], 'key-encryption key');
    },
    async replaceKeks(keks) {
      const statements = keks.map(({ id, generation, rootKeyId, wrapped }) => ({
        sql: sql.replaceKek,
        values: [rootKeyId, wrapped, id, generation],
        changes: 1,
      }));
      try {
        await database.write(statements);
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== 'changes-unexpected') throw error;
        throw new KmsError('conflict', 'the stored key-encryption keys are others than those that were read', {
          cause: error,
        });
      }
    },
    async keepFirstSetting(name, value) {
      await database.write([{ sql: sql.insertSetting, values: [name, value] }]);
      return kept((await database.rows<{ value: string }>(sql.selectSetting, name))[0], 'setting').value;
    },
    findWrappingKey,
    async insertFirstWrappingKey({ region, wrapped, publicKey }) {
      await database.write([{ sql: sql.insertWrappingKey, values: [region, wrapped, publicKey] }]);
      return kept(await findWrappingKey(region), 'wrapping key');
    },
  };
}

function kept<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new KmsError('internal', `the ${what} was not stored`);
  return value;
}
