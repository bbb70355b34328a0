import { type Command, Option as CommandOption } from 'commander';
import { checkedUse } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { exitCodes } from '#cli/exit-codes.ts';
import { formatJson, kmsCommand, versionOf } from '#cli/kms-command.ts';
import { assertOneStdin, readInput, writeOutput } from '#cli/octets.ts';
import { parseHashAlgorithm } from '#kms/core/hash-algorithms.ts';
import { decodeBase64, encodeBase64 } from '#lib/encoding.ts';
import { ServiceError } from '#lib/errors.ts';

/** Options of the commands below, each of which has some of them. */
interface CryptoOptions {
  readonly in: string;
  readonly out?: string;
  readonly keyVersion?: string;
  readonly associatedData?: string;
  readonly hash?: string;
  readonly prehashed?: boolean;
  readonly rsaScheme?: string;
  readonly marshaling?: string;
  readonly signature?: string;
  readonly hmac?: string;
  readonly json?: boolean;
}

type Option = Exclude<keyof CryptoOptions, 'in' | 'json'>;

/** What each option is called and means. */
const optionTexts: Readonly<Record<Option, readonly [flags: string, description: string]>> = {
  out: ['--out <FILE>', 'where to write the result (default: stdout)'],
  keyVersion: ['--key-version <N>', 'key version (default: the latest)'],
  associatedData: ['--associated-data <FILE>', 'data that are bound to the ciphertext'],
  hash: ['--hash <NAME>', 'hash, such as sha2-256'],
  prehashed: ['--prehashed', 'the input is the digest'],
  rsaScheme: ['--rsa-scheme <NAME>', 'scheme of an RSA signature'],
  marshaling: ['--marshaling <NAME>', 'form of an ECDSA signature'],
  signature: ['--signature <FILE>', 'file with the signature as "key sign" wrote it'],
  hmac: ['--hmac <FILE>', 'file with the HMAC as "key hmac" wrote it'],
};

/** The words that an option takes, where they are few. */
const optionChoices: Readonly<Partial<Record<Option, readonly string[]>>> = {
  rsaScheme: ['pss', 'pkcs1v15'],
  marshaling: ['asn1', 'p1363', 'jws'],
};

const required: ReadonlySet<Option> = new Set(['signature', 'hmac']);

interface CryptoCommand {
  readonly name: string;
  readonly description: string;
  /** Its example, after the name of the key. */
  readonly example: string;
  readonly options: readonly Option[];
  /** Member of the body that the input becomes, and whether it is text already. */
  readonly input: readonly [field: string, isText: boolean];
  /** Member of the answer that is the result, and whether it is octets; or the verdict. */
  readonly result: readonly [field: string, isOctets: boolean] | 'valid';
}

const signing: readonly Option[] = ['hash', 'prehashed', 'rsaScheme', 'marshaling'];

const commands: readonly CryptoCommand[] = [
  {
    name: 'encrypt',
    description: 'encrypt octets',
    example: '--in secret.bin --out secret.txt',
    options: ['out', 'keyVersion', 'associatedData'],
    input: ['plaintext', false],
    result: ['ciphertext', false],
  },
  {
    name: 'decrypt',
    description: 'decrypt what "key encrypt" wrote',
    example: '--in secret.txt --out secret.bin',
    options: ['out', 'associatedData'],
    input: ['ciphertext', true],
    result: ['plaintext', true],
  },
  {
    name: 'rewrap',
    description: 'encrypt a ciphertext anew under the newest version',
    example: '--in secret.txt --out newest.txt',
    options: ['out', 'associatedData'],
    input: ['ciphertext', true],
    result: ['ciphertext', false],
  },
  {
    name: 'sign',
    description: 'sign octets',
    example: '--in message.bin --out signature.txt',
    options: ['out', 'keyVersion', ...signing],
    input: ['input', false],
    result: ['signature', false],
  },
  {
    name: 'verify',
    description: 'verify a signature; exits with 1 when it is not valid',
    example: '--in message.bin --signature signature.txt',
    options: ['signature', ...signing],
    input: ['input', false],
    result: 'valid',
  },
  {
    name: 'hmac',
    description: 'compute an HMAC',
    example: '--in message.bin --out hmac.txt',
    options: ['out', 'keyVersion', 'hash'],
    input: ['input', false],
    result: ['hmac', false],
  },
  {
    name: 'verify-hmac',
    description: 'verify an HMAC; exits with 1 when it is not valid',
    example: '--in message.bin --hmac hmac.txt',
    options: ['hmac', 'hash'],
    input: ['input', false],
    result: 'valid',
  },
];

/** Add what keys are used for. Binary goes in and text with the key version comes out, and the other way round. */
export function addCryptoCommands(group: Command, context: CliContext, setExitCode: (code: number) => void): void {
  for (const one of commands) addCryptoCommand(group, context, setExitCode, one);
}

function addCryptoCommand(
  group: Command,
  context: CliContext,
  setExitCode: (code: number) => void,
  { name, description, example, options: taken, input, result }: CryptoCommand,
): void {
  const command = group.command(name).description(description).argument('<KEY>', 'identity or slug');
  command.option('--in <FILE>', 'input, - for stdin', '-');
  for (const option of taken) command.addOption(optionOf(option));
  const line = `key ${name} my-key ${example}`;
  kmsCommand<CryptoOptions>(command, context, line, async ({ connect, options, print }, key = '') => {
    const body = await bodyOf(options, input, context);
    const client = await connect();
    const answer = (await client.call('POST', `${client.keysPath(key)}/${name}`, body)) as Record<string, unknown>;
    if (result === 'valid') {
      const isValid = answer['valid'] === true;
      print(answer, () => (isValid ? 'valid\n' : 'NOT valid\n'));
      setExitCode(isValid ? exitCodes.good : exitCodes.bad);
      return;
    }
    const [field, isOctets] = result;
    const shown = isOctets ? octetsOf(answer[field]) : `${String(answer[field])}\n`;
    // What was a secret before is for its owner alone again.
    await writeOutput(
      options.out,
      options.json === true ? formatJson(answer) : shown,
      context,
      isOctets ? 0o600 : 0o666,
    );
  });
}

function optionOf(option: Option): CommandOption {
  const [flags, text] = optionTexts[option];
  const made = new CommandOption(flags, text).makeOptionMandatory(required.has(option));
  const choices = optionChoices[option];
  return choices === undefined ? made : made.choices([...choices]);
}

/** Say to the KMS what the input and the options say. @throws UsageError */
async function bodyOf(
  given: CryptoOptions,
  [field, isText]: CryptoCommand['input'],
  context: CliContext,
): Promise<object> {
  const { keyVersion, associatedData, hash, prehashed, rsaScheme, marshaling, signature, hmac } = given;
  assertOneStdin([given.in, associatedData, signature, hmac]);
  const version = versionOf(keyVersion);
  const read = async (option: string, path: string) => readInput(path, context, option);
  const input = await read('--in', given.in);
  return {
    [field]: isText ? textOf(input) : encodeBase64(input),
    ...(version === undefined ? {} : { keyVersion: version }),
    ...(associatedData === undefined
      ? {}
      : { associatedData: encodeBase64(await read('--associated-data', associatedData)) }),
    ...(hash === undefined ? {} : { hashAlgorithm: checkedUse(() => parseHashAlgorithm(hash, '--hash')) }),
    ...(prehashed === undefined ? {} : { prehashed }),
    ...(rsaScheme === undefined ? {} : { signatureAlgorithm: rsaScheme }),
    ...(marshaling === undefined ? {} : { marshalingAlgorithm: marshaling }),
    ...(signature === undefined ? {} : { signature: textOf(await read('--signature', signature)) }),
    ...(hmac === undefined ? {} : { hmac: textOf(await read('--hmac', hmac)) }),
  };
}

function textOf(octets: Uint8Array): string {
  return new TextDecoder().decode(octets).trim();
}

/** Read base64 of an answer. @throws ServiceError invalid-answer */
export function octetsOf(text: unknown): Uint8Array {
  const octets = typeof text === 'string' ? decodeBase64(text) : undefined;
  if (octets === undefined) throw new ServiceError('invalid-answer', "the KMS's answer is not base64");
  return octets;
}
