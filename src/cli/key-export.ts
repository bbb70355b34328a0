import type { Command } from 'commander';
import { choice } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { octetsOf } from '#cli/key-crypto.ts';
import { kmsCommand, versionOf } from '#cli/kms-command.ts';
import { readInput, writeSecret } from '#cli/octets.ts';
import { encodeBase64 } from '#lib/encoding.ts';

interface ExportOptions {
  readonly out: string;
  readonly keyVersion?: string;
}

/** Add `key export`. */
export function addKeyExport(group: Command, context: CliContext): void {
  const command = group.command('export').description('write the material of an exportable key to a file');
  command.argument('<KEY>', 'identity or slug');
  command.requiredOption('--out <FILE>', 'new file, readable by its owner alone');
  command.option('--key-version <N>', 'key version (default: the latest)');
  const example = 'key export my-key --out my-key.der';
  kmsCommand<ExportOptions>(command, context, example, async ({ connect, options, print }, key = '') => {
    const version = versionOf(options.keyVersion);
    const keyVersion = await writeSecret(options.out, async () => {
      const client = await connect();
      const body = version === undefined ? {} : { keyVersion: version };
      const answer = (await client.call('POST', `${client.keysPath(key)}/export`, body)) as Exported;
      return { secret: octetsOf(answer.keyMaterial), rest: answer.keyVersion };
    });
    print({ keyVersion, out: options.out }, () => '');
  });
}

interface Exported {
  readonly keyMaterial: string;
  readonly keyVersion: string;
}

interface DataKeyOptions {
  readonly out: string;
  readonly bits: string;
  readonly associatedData?: string;
}

interface DataKey {
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly keyVersion: string;
}

/** Add `key data-key`. */
export function addDataKey(group: Command, context: CliContext): void {
  const command = group.command('data-key').description('make a key for use outside; prints it encrypted');
  command.argument('<KEY>', 'identity or slug');
  command.requiredOption('--out <FILE>', 'new file for the key in the clear, readable by its owner alone');
  command.addOption(choice('bits <N>', 'its size', ['128', '256'], '256'));
  command.option('--associated-data <FILE>', 'data that are bound to the ciphertext');
  const example = 'key data-key my-key --out data.key > data.key.encrypted';
  kmsCommand<DataKeyOptions>(command, context, example, async ({ connect, options, print }, key = '') => {
    const { associatedData: path } = options;
    const associatedData =
      path === undefined ? undefined : encodeBase64(await readInput(path, context, '--associated-data'));
    const body = { bits: Number(options.bits), ...(associatedData === undefined ? {} : { associatedData }) };
    const made = await writeSecret(options.out, async () => {
      const client = await connect();
      const answer = (await client.call('POST', `${client.keysPath(key)}/generate-data-key`, body)) as DataKey;
      return {
        secret: octetsOf(answer.plaintext),
        rest: { ciphertext: answer.ciphertext, keyVersion: answer.keyVersion },
      };
    });
    print({ ...made, out: options.out }, ({ ciphertext }) => `${ciphertext}\n`);
  });
}
