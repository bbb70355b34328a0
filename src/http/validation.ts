import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify';
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import type { TSchema } from 'typebox';
import { parseInstant } from '#lib/clock.ts';
import { RequestError } from '#app/http/problems.ts';

type Compiler = FastifySchemaCompiler<TSchema>;

const options: Options = {
  strict: true,
  strictRequired: false, // TypeBox writes `required` beside `properties`, but not in every branch of a union
  allowUnionTypes: true,
  allErrors: false, // a caller who sends a million faults must not make us list them
  verbose: true,
  removeAdditional: false,
  useDefaults: true,
};

/**
 * Make the compiler of request schemas. Bodies are taken as they are; path and query parts are text by nature, so there
 * alone numbers and booleans are read from text. Members that a closed schema does not name are refused, never dropped.
 *
 * @param whenUsed compile a schema when something is first checked by it, and not before
 */
export function requestValidator(whenUsed = false): Compiler {
  // To check a schema itself takes longer than the rest of a start; that is done where all are compiled.
  const own = { ...options, validateSchema: !whenUsed, meta: !whenUsed };
  const forBodies = new Ajv({ ...own, coerceTypes: false });
  const forText = new Ajv({ ...own, coerceTypes: 'array' });
  for (const ajv of [forBodies, forText]) {
    ajv.addFormat('date-time', (text) => parseInstant(text) !== undefined);
  }
  const compile = ({ schema, httpPart }: Parameters<Compiler>[0]): ValidateFunction =>
    (httpPart === 'body' ? forBodies : forText).compile(schema);
  return whenUsed ? (part) => compiledWhenUsed(() => compile(part)) : compile;
}

function compiledWhenUsed(compile: () => ValidateFunction): ReturnType<Compiler> {
  let validate: ValidateFunction | undefined;
  return (data) => {
    validate ??= compile();
    return validate(data) ? true : { error: (validate.errors ?? []) as FastifySchemaValidationError[] };
  };
}

const partNames: Readonly<Record<string, string>> = {
  body: 'body',
  params: 'path',
  querystring: 'query',
  headers: 'header',
};

/** Turn the validator's findings into one error that points to the field and names the rule, and repeats no value. */
export function validationError(errors: readonly ErrorObject[], dataVar: string): RequestError {
  const found = decisive(errors);
  const place = partNames[dataVar] ?? dataVar;
  const pointer = pointerTo(found);
  const subject = pointer === '' ? `the ${place}` : `${place} ${pointer}`;
  return new RequestError('request-invalid', `${subject} ${ruleOf(found, errors)}`, {
    details: { in: place, pointer, rule: found.keyword },
  });
}

/** Of a union's findings take the one that lies deepest, since the caller most likely meant that branch. */
function decisive(errors: readonly ErrorObject[]): ErrorObject {
  const last = errors.at(-1);
  if (last === undefined) throw new Error('the validator refused a request and found nothing');
  if (last.keyword !== 'anyOf' && last.keyword !== 'oneOf') return last;
  const deepest = errors.reduce((best, error) => (error.instancePath.length > best.instancePath.length ? error : best));
  return deepest.instancePath.length > last.instancePath.length ? deepest : last;
}

function pointerTo(error: ErrorObject): string {
  const { missingProperty, additionalProperty, unevaluatedProperty } = error.params as Record<string, unknown>;
  const member = missingProperty ?? additionalProperty ?? unevaluatedProperty;
  if (typeof member !== 'string') return error.instancePath;
  return `${error.instancePath}/${member.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function ruleOf(error: ErrorObject, all: readonly ErrorObject[]): string {
  switch (error.keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `is not a field of this ${error.instancePath === '' ? 'request' : 'object'}`;
    case 'const':
      return `must be ${JSON.stringify(error.params['allowedValue'])}`;
    case 'enum':
      return `must be one of ${listed(error.params['allowedValues'] as readonly unknown[])}`;
    case 'anyOf':
    case 'oneOf': {
      const constants = all.filter((one) => one.keyword === 'const' && one.instancePath === error.instancePath);
      if (constants.length > 0) return `must be one of ${listed(constants.map((one) => one.params['allowedValue']))}`;
      return 'matches none of the forms that are allowed here';
    }
    case 'type':
      return `must be ${typesIn(error)}, not ${kindOf(error.data)}`;
    default:
      return error.message ?? `breaks the rule ${error.keyword}`;
  }
}

function listed(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ');
}

function typesIn(error: ErrorObject): string {
  const type: unknown = error.params['type'];
  const types = (Array.isArray(type) ? type : [type]).map(String);
  return types.map((one) => (/^[aeio]/.test(one) ? `an ${one}` : one === 'null' ? 'null' : `a ${one}`)).join(' or ');
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'empty';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
