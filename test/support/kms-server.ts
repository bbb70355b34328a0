import { createHttp, listenOnTcp, mount } from '#app/http.ts';
import { createLogger } from '#app/logger.ts';
import { kmsRoutes } from '#kms/http/routes.ts';
import { kmsStatuses } from '#kms/http/statuses.ts';
import { openKms } from '#kms/kms.ts';
import { systemClock } from '#lib/clock.ts';

/**
 * Serve a KMS and nothing else, in half the time that the whole service takes to start: for tests that kill it over
 * and over. Arguments: data folder, admin token.
 */
const [, , dataDirectory = '', adminToken = ''] = process.argv;
const kms = await openKms({
  place: { kind: 'folder', path: dataDirectory },
  rootKey: { kind: 'file', path: `${dataDirectory}/root.key` },
  clock: systemClock,
  organisation: 'o-default',
  regions: ['nl-01'],
  adminToken,
  workers: 0,
  onError: (error) => process.stderr.write(`${String(error)}\n`),
});
const app = await createHttp({ logger: createLogger('error') });
await mount(app, kmsRoutes, { ports: kms.ports, bell: kms.bell }, kmsStatuses);
process.stdout.write(`listening ${await listenOnTcp(app, '127.0.0.1', 0)}\n`);
