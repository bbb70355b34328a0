import type { Command } from 'commander';
import { choice } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { describeKey, newKeyOf, type ShownKey } from '#cli/key-forms.ts';
import { octetsOf } from '#cli/key-crypto.ts';
import { kmsCommand } from '#cli/kms-command.ts';
import { readInput, writeOutput, writeSecret } from '#cli/octets.ts';
import { addKmsOptions, type KmsSession, openKmsSession } from '#cli/kms-session.ts';
import { configOf, quietly } from '#cli/settings-options.ts';
import { parseHashAlgorithm } from '#kms/core/hash-algorithms.ts';
import { keyTypes } from '#kms/core/key-types.ts';
import { wrapForImport } from '#kms/core/wrapping.ts';
import { encodeBase64 } from '#lib/encoding.ts';

const wrapHelp = `
The input is a private key as PEM or DER (PKCS#8, PKCS#1 or SEC 1), or the raw octets of a symmetric key. With
--wrapping-key no KMS is asked, so the wrapping can be done on another machine.

Example:
  zoneseal key wrap --in zone-key.pem --out import.txt`;

const importHelp = `
Example:
  zoneseal key import "Zone key" --type ecdsa-p256 --in zone-key.pem`;

/** Add what brings key material in and, where that is allowed, out. */
export function addMaterialCommands(group: Command, context: CliContext): void {
  const wrap = group.command('wrap').description('wrap key material for an import').addHelpText('after', wrapHelp);
  wrap.requiredOption('--in <FILE>', 'key material, - for stdin');
  wrap.option('--out <FILE>', 'where to write the blob in base64 (default: stdout)');
  wrap.option('--wrapping-key <PEM-FILE>', "the region's wrapping key");
  wrap.option('--hash <NAME>', 'hash of OAEP', 'sha2-256');
  addKmsOptions(wrap);
  wrap.action(async (options: WrapOptions) => {
    const pem =
      options.wrappingKey === undefined
        ? await askWrappingKey(wrap, context, options.region)
        : new TextDecoder().decode(await readInput(options.wrappingKey, '--wrapping-key'));
    await writeOutput(options.out, `${await wrapped(options, pem)}\n`, context);
  });

  const bring = group
    .command('import')
    .description('create a key from material of your own')
    .argument('<NAME>', 'name of the key');
  bring.addOption(choice('type <TYPE>', 'kind of key', keyTypes).makeOptionMandatory());
  bring.requiredOption('--in <FILE>', 'key material, - for stdin');
  bring.option('--hash <NAME>', 'hash of OAEP', 'sha2-256');
  bring.option('--exportable', 'let its material be exported');
  bring.option('--allow-rotation', 'let it get versions that are made in the KMS');
  bring.addHelpText('after', importHelp);
  kmsCommand<ImportOptions>(bring, context, async ({ session: { client }, options, print }, name) => {
    const publicKey = await wrappingKeyOf(client);
    const key = await client.call('POST', client.keysPath(), {
      name,
      ...newKeyOf(options),
      importKeyMaterial: await wrapped(options, publicKey),
      hashFunction: options.hash,
      ...(options.allowRotation === true ? { allowRotation: true } : {}),
    });
    print(key as ShownKey, describeKey);
  });

  const take = group
    .command('export')
    .description('write the material of an exportable key to a file')
    .argument('<KEY>', 'identity or slug');
  take.requiredOption('--out <FILE>', 'new file, readable by its owner alone');
  take.option('--key-version <N>', 'key version (default: the latest)');
  kmsCommand<{ out: string; keyVersion?: string }>(
    take,
    context,
    async ({ session: { client }, options }, key = '') => {
      const body = options.keyVersion === undefined ? {} : { keyVersion: options.keyVersion };
      const answer = (await client.call('POST', `${client.keysPath(key)}/export`, body)) as { keyMaterial: string };
      const material = octetsOf(answer.keyMaterial);
      await writeSecret(options.out, material);
      material.fill(0);
    },
  );

  const dataKey = group
    .command('data-key')
    .description('make a key for use outside')
    .argument('<KEY>', 'identity or slug');
  dataKey.requiredOption('--out <FILE>', 'new file for the key in the clear, readable by its owner alone');
  dataKey.addOption(choice('bits <N>', 'its size', ['128', '256'], '256'));
  kmsCommand<{ out: string; bits: string }>(dataKey, context, async ({ session: { client }, options }, key = '') => {
    const answer = await client.call('POST', `${client.keysPath(key)}/generate-data-key`, {
      bits: Number(options.bits),
    });
    const { plaintext, ciphertext } = answer as { plaintext: string; ciphertext: string };
    const secret = octetsOf(plaintext);
    await writeSecret(options.out, secret);
    secret.fill(0);
    context.stdout.write(`${ciphertext}\n`);
  });
}

interface WrapOptions {
  readonly in: string;
  readonly out?: string;
  readonly wrappingKey?: string;
  readonly hash: string;
  readonly region?: string;
}

interface ImportOptions extends WrapOptions {
  readonly type: string;
  readonly exportable?: boolean;
  readonly allowRotation?: boolean;
}

async function askWrappingKey(command: Command, context: CliContext, region: string | undefined): Promise<string> {
  await using session = await openKmsSession(configOf(command, quietly(context.environment)), region);
  return wrappingKeyOf(session.client);
}

async function wrappingKeyOf(client: KmsSession['client']): Promise<string> {
  const { publicKey } = (await client.call('GET', `${client.regionPath()}/wrapping-key`)) as { publicKey: string };
  return publicKey;
}

async function wrapped({ in: path, hash }: WrapOptions, wrappingKey: string): Promise<string> {
  const material = await readInput(path);
  try {
    return encodeBase64(wrapForImport(wrappingKey, material, parseHashAlgorithm(hash, '--hash')));
  } finally {
    material.fill(0);
  }
}
