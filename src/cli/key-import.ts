import type { Command } from 'commander';
import { checkedUse, choice } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { addNewKeyOptions, describeKey, newKeyOf, type NewKeyOptions, type ShownKey } from '#cli/key-forms.ts';
import { kmsCommand } from '#cli/kms-command.ts';
import { assertOneStdin, readInput, writeOutput } from '#cli/octets.ts';
import type { KmsClient } from '#kms/client.ts';
import { parseHashAlgorithm } from '#kms/core/hash-algorithms.ts';
import { checkImport } from '#kms/core/key-material.ts';
import { type HashAlgorithm, isKeyType, keyTypeRow, keyTypes } from '#kms/core/key-types.ts';
import { parseMaterial } from '#kms/core/material-file.ts';
import { wrapForImport } from '#kms/core/wrapping.ts';
import { encodeBase64 } from '#lib/encoding.ts';
import { messageOf, ServiceError } from '#lib/errors.ts';
import { UsageError } from '#cli/usage-error.ts';

const materialHelp = `
The input is a private key as PEM or DER (PKCS#8, PKCS#1 or SEC 1) or as BIND and ldns keep it (K….private), or the raw
octets of a symmetric key. It is checked against the type before anything is sent.`;

const wrapHelp = `${materialHelp} With --wrapping-key no KMS is asked, so the wrapping can be done on another machine.`;

const importable = keyTypes.filter((type) => keyTypeRow(type).importable);

interface MaterialOptions {
  readonly keyType: string;
  readonly in: string;
  readonly hash: string;
}

function addMaterialOptions(command: Command): void {
  command.addOption(choice('key-type <TYPE>', 'kind of key', importable).makeOptionMandatory());
  command.requiredOption('--in <FILE>', 'key material, - for stdin');
  command.option('--hash <NAME>', 'hash of OAEP', 'sha2-256');
}

interface WrapOptions extends MaterialOptions {
  readonly out?: string;
  readonly wrappingKey?: string;
}

/** Add `key wrap`. */
export function addWrap(group: Command, context: CliContext): void {
  const command = group.command('wrap').description('wrap key material for an import').addHelpText('after', wrapHelp);
  addMaterialOptions(command);
  command.option('--out <FILE>', 'where to write the blob in base64 (default: stdout)');
  command.option('--wrapping-key <PEM-FILE>', "the region's wrapping key (default: the KMS is asked for it)");
  const example = 'key wrap --key-type ecdsa-p256 --in zone-key.pem --wrapping-key wrapping-key.pem --out import.txt';
  kmsCommand<WrapOptions>(command, context, example, async ({ connect, options, print }) => {
    const { wrappingKey, out, json } = options;
    assertOneStdin([options.in, wrappingKey]);
    const hash = hashOf(options);
    const findWrappingKey = async () =>
      wrappingKey === undefined
        ? wrappingKeyOf(await connect())
        : new TextDecoder().decode(await readInput(wrappingKey, context, '--wrapping-key'));
    const importKeyMaterial = await wrapMaterial(options, context, hash, findWrappingKey);
    if (json === true) print({ keyType: options.keyType, importKeyMaterial, hashFunction: hash }, String);
    else await writeOutput(out, `${importKeyMaterial}\n`, context);
  });
}

interface ImportOptions extends MaterialOptions, NewKeyOptions {
  readonly keyType: string;
  readonly allowRotation?: boolean;
}

/** Add `key import`. */
export function addImport(group: Command, context: CliContext): void {
  const command = group.command('import').description('create a key from material of your own');
  command.argument('<NAME>', 'name of the key').addHelpText('after', materialHelp);
  addMaterialOptions(command);
  addNewKeyOptions(command);
  command.option('--allow-rotation', 'let it get versions that are made in the KMS');
  const example = 'key import "Zone key" --key-type ecdsa-p256 --in zone-key.pem';
  kmsCommand<ImportOptions>(command, context, example, async ({ connect, options, print }, name) => {
    const hash = hashOf(options);
    const wanted = { name, ...newKeyOf(options), ...(options.allowRotation === true ? { allowRotation: true } : {}) };
    let client: KmsClient | undefined;
    const importKeyMaterial = await wrapMaterial(options, context, hash, async () =>
      wrappingKeyOf((client = await connect())),
    );
    client ??= await connect();
    const body = { ...wanted, importKeyMaterial, hashFunction: hash };
    print((await client.call('POST', client.keysPath(), body)) as ShownKey, describeKey);
  });
}

function hashOf({ hash }: MaterialOptions): HashAlgorithm {
  return checkedUse(() => parseHashAlgorithm(hash, '--hash'));
}

async function wrappingKeyOf(client: KmsClient): Promise<string> {
  const { publicKey } = (await client.call('GET', `${client.regionPath()}/wrapping-key`)) as { publicKey: string };
  return publicKey;
}

/**
 * Read material, check that it is a key of the type, and wrap it. Whatever happens, it is wiped.
 *
 * @param findWrappingKey gives the wrapping key, and is asked for it only when the material is sound
 * @returns base64
 * @throws UsageError; ServiceError import-invalid
 */
async function wrapMaterial(
  { keyType, in: path }: MaterialOptions,
  context: CliContext,
  hash: HashAlgorithm,
  findWrappingKey: () => Promise<string>,
): Promise<string> {
  const material = await readInput(path, context);
  let target: Uint8Array | undefined;
  try {
    target = readMaterial(keyType, path, material);
    return encodeBase64(wrapForImport(await findWrappingKey(), target, hash));
  } finally {
    material.fill(0);
    target?.fill(0);
  }
}

function readMaterial(keyType: string, path: string, material: Uint8Array): Uint8Array {
  if (!isKeyType(keyType)) throw new UsageError(`--key-type: there is no type ${keyType}`);
  let target: Uint8Array | undefined;
  try {
    target = parseMaterial(material);
    checkImport(keyTypeRow(keyType), target);
    return target;
  } catch (error) {
    target?.fill(0);
    throw new ServiceError('import-invalid', `--in: ${path}: ${messageOf(error)}`, { cause: error });
  }
}
