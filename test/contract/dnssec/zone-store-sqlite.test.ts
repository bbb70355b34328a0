import { openZoneDatabase } from '#dnssec/zones.ts';
import { zoneStoreContract } from '#test/contract/dnssec/zone-store.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

zoneStoreContract('SQLite', async () => {
  const dir = makeTempDir();
  return {
    open: () => openZoneDatabase({ kind: 'folder', path: dir.path }, () => undefined),
    [Symbol.asyncDispose]: async () => dir[Symbol.dispose](),
  };
});
