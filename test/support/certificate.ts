import { run } from '#test/support/process.ts';
import type { TempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

/** Make a certificate that vouches for itself. @returns paths of PEM files */
export async function makeCertificate(
  dir: TempDir,
  host: string,
): Promise<{ readonly keyFile: string; readonly certFile: string }> {
  const [keyFile, certFile] = [dir.at('key.pem'), dir.at('cert.pem')];
  const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const files = ['-keyout', keyFile, '-out', certFile];
  const made = await run(getTool('openssl'), ['req', '-x509', ...kind, ...subject, ...files]);
  if (made.code !== 0) throw new Error(made.stderr);
  return { keyFile, certFile };
}
