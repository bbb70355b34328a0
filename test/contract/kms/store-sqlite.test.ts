import { openSqliteStore } from '#kms/adapters/store-sqlite.ts';
import { keyStoreContract } from '#test/contract/kms/key-store.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

keyStoreContract('SQLite', async () => {
  const dir = makeTempDir();
  return {
    open: async () => openSqliteStore(dir.at('kms.sqlite')),
    [Symbol.asyncDispose]: async () => dir[Symbol.dispose](),
  };
});
