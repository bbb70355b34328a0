import type { FastifyReply } from 'fastify';
import { KmsError } from '#kms/core/errors.ts';
import type { Outcome } from '#kms/ports/crypto-provider.ts';

/** An item that was read, or why it could not be: in a batch one bad item spoils no other. */
export type Item<Value> = Value | KmsError;

/**
 * Read the items of a call, one or a batch. The one is read strictly, and those of a batch each for itself.
 *
 * @param names the fields of a single call, for the message
 * @param read reads an item; `place` goes before the name of a field in a message
 * @throws KmsError payload-invalid when both are given or none, or the one item is bad
 */
export function readItems<Fields, Value>(
  single: Fields | undefined,
  batch: readonly Fields[] | undefined,
  names: string,
  read: (fields: Fields, place: string) => Value,
): Item<Value>[] {
  if ((single === undefined) === (batch === undefined))
    throw new KmsError('payload-invalid', `give either ${names} or batch`);
  if (single !== undefined) return [read(single, '')];
  return (batch ?? []).map((fields, index) => {
    try {
      return read(fields, `/batch/${index}/`);
    } catch (error) {
      if (error instanceof KmsError) return error;
      throw error;
    }
  });
}

export function goodItems<Value>(items: readonly Item<Value>[]): Value[] {
  return items.filter((item): item is Exclude<Item<Value>, KmsError> => !(item instanceof KmsError));
}

/** Put the outcomes of the good items back among the bad ones, in order. */
export function mergeOutcomes<Input, Result>(
  items: readonly Item<Input>[],
  outcomes: readonly Outcome<Result>[],
): Outcome<Result>[] {
  let next = 0;
  return items.map((item) => (item instanceof KmsError ? item : (outcomes[next++] as Outcome<Result>)));
}

/** Show the outcomes of a batch, or the one of a single call, whose failure is the call's. */
function renderOutcomes<Result>(
  isBatch: boolean,
  outcomes: readonly Outcome<Result>[],
  render: (result: Result, index: number) => object,
): object {
  if (isBatch) {
    return {
      results: outcomes.map((outcome, index) =>
        outcome instanceof KmsError
          ? { error: { code: outcome.code, message: outcome.message } }
          : render(outcome, index),
      ),
    };
  }
  const [only] = outcomes;
  if (only === undefined) throw new KmsError('internal', 'a single call has no outcome');
  if (only instanceof KmsError) throw only;
  return render(only, 0);
}

/** Answer with the outcomes of the good items, and why the bad ones are bad, in JSON. */
export function sendOutcomes<Input, Result>(
  reply: FastifyReply,
  { batch }: { readonly batch?: readonly unknown[] },
  items: readonly Item<Input>[],
  outcomes: readonly Outcome<Result>[],
  render: (result: Result, index: number) => object,
): FastifyReply {
  const answer = renderOutcomes(batch !== undefined, mergeOutcomes(items, outcomes), render);
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer));
}
