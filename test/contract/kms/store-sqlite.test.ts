import { openKeyDatabase } from '#kms/adapters/store/open-database.ts';
import { keyStoreContract } from '#test/contract/kms/key-store.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

for (const remembers of [false, true]) {
  keyStoreContract(remembers ? 'SQLite, remembering what it read' : 'SQLite', async () => {
    const dir = makeTempDir();
    return {
      remembers,
      open: () => openKeyDatabase({ kind: 'folder', path: dir.path }, () => undefined),
      [Symbol.asyncDispose]: async () => dir[Symbol.dispose](),
    };
  });
}
