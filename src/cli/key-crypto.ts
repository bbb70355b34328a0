import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { exitCodes } from '#cli/exit-codes.ts';
import { kmsCommand } from '#cli/kms-command.ts';
import { readInput, writeOutput } from '#cli/octets.ts';
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
  readonly bits?: string;
}

type Option = Exclude<keyof CryptoOptions, 'in'>;

/** What each option is called and means. */
const optionTexts: Readonly<Record<Option, readonly [flags: string, description: string]>> = {
  out: ['--out <FILE>', 'where to write the result (default: stdout)'],
  keyVersion: ['--key-version <N>', 'key version (default: the latest)'],
  associatedData: ['--associated-data <FILE>', 'data that are bound to the ciphertext'],
  hash: ['--hash <NAME>', 'hash, such as sha2-256'],
  prehashed: ['--prehashed', 'the input is the digest'],
  rsaScheme: ['--rsa-scheme <NAME>', 'pss or pkcs1v15'],
  marshaling: ['--marshaling <NAME>', 'asn1, p1363 or jws, for ECDSA'],
  signature: ['--signature <FILE>', 'file with the signature as "key sign" wrote it'],
  hmac: ['--hmac <FILE>', 'file with the HMAC as "key hmac" wrote it'],
  bits: ['--bits <N>', '128 or 256 (default)'],
};

interface CryptoCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly Option[];
  /** Member of the body that the input becomes, and whether it is text already. */
  readonly input: readonly [field: string, isText: boolean] | undefined;
  /** Member of the answer that is the result, and whether it is octets; or the verdict. */
  readonly result: readonly [field: string, isOctets: boolean] | 'valid';
}

const signing: readonly Option[] = ['hash', 'prehashed', 'rsaScheme', 'marshaling'];

const commands: readonly CryptoCommand[] = [
  {
    name: 'encrypt',
    description: 'encrypt octets',
    options: ['out', 'keyVersion', 'associatedData'],
    input: ['plaintext', false],
    result: ['ciphertext', false],
  },
  {
    name: 'decrypt',
    description: 'decrypt what "key encrypt" wrote',
    options: ['out', 'associatedData'],
    input: ['ciphertext', true],
    result: ['plaintext', true],
  },
  {
    name: 'rewrap',
    description: 'encrypt a ciphertext anew under the newest version',
    options: ['out', 'associatedData'],
    input: ['ciphertext', true],
    result: ['ciphertext', false],
  },
  {
    name: 'sign',
    description: 'sign octets',
    options: ['out', 'keyVersion', ...signing],
    input: ['input', false],
    result: ['signature', false],
  },
  {
    name: 'verify',
    description: 'verify a signature; exits with 1 when it is not valid',
    options: ['signature', ...signing],
    input: ['input', false],
    result: 'valid',
  },
  {
    name: 'hmac',
    description: 'compute an HMAC',
    options: ['out', 'keyVersion', 'hash'],
    input: ['input', false],
    result: ['hmac', false],
  },
  {
    name: 'verify-hmac',
    description: 'verify an HMAC; exits with 1 when it is not valid',
    options: ['hmac', 'hash'],
    input: ['input', false],
    result: 'valid',
  },
];

/** Add what keys are used for. Binary goes in and text with the key version comes out, and the other way round. */
export function addCryptoCommands(group: Command, context: CliContext, setExitCode: (code: number) => void): void {
  for (const { name, description, options, input, result } of commands) {
    const command = group.command(name).description(description).argument('<KEY>', 'identity or slug');
    command.option('--in <FILE>', 'input, - for stdin', '-');
    for (const option of options) {
      const [flags, text] = optionTexts[option];
      if (option === 'signature' || option === 'hmac') command.requiredOption(flags, text);
      else command.option(flags, text);
    }
    kmsCommand<CryptoOptions>(command, context, async ({ session: { client }, options: given }, key = '') => {
      const body = { ...(await inputOf(given.in, input)), ...(await choicesOf(given)) };
      const answer = (await client.call('POST', `${client.keysPath(key)}/${name}`, body)) as Record<string, unknown>;
      if (result === 'valid') {
        context.stdout.write(answer['valid'] === true ? 'valid\n' : 'NOT valid\n');
        setExitCode(answer['valid'] === true ? exitCodes.good : exitCodes.bad);
        return;
      }
      const [field, isOctets] = result;
      await writeOutput(given.out, isOctets ? octetsOf(answer[field]) : `${String(answer[field])}\n`, context);
    });
  }
}

async function inputOf(path: string, input: CryptoCommand['input']): Promise<object> {
  if (input === undefined) return {};
  const [field, isText] = input;
  const octets = await readInput(path);
  return { [field]: isText ? textOf(octets) : encodeBase64(octets) };
}

/** Say to the KMS what the options say. */
async function choicesOf(given: CryptoOptions): Promise<object> {
  const { keyVersion, associatedData, hash, prehashed, rsaScheme, marshaling, signature, hmac } = given;
  return {
    ...(keyVersion === undefined ? {} : { keyVersion }),
    ...(associatedData === undefined
      ? {}
      : { associatedData: encodeBase64(await readInput(associatedData, '--associated-data')) }),
    ...(hash === undefined ? {} : { hashAlgorithm: hash }),
    ...(prehashed === undefined ? {} : { prehashed }),
    ...(rsaScheme === undefined ? {} : { signatureAlgorithm: rsaScheme }),
    ...(marshaling === undefined ? {} : { marshalingAlgorithm: marshaling }),
    ...(signature === undefined ? {} : { signature: textOf(await readInput(signature, '--signature')) }),
    ...(hmac === undefined ? {} : { hmac: textOf(await readInput(hmac, '--hmac')) }),
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
