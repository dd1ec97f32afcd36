import pg from 'pg';

const INT8 = 20;

/** pg's own parsers, save that `bigint` becomes a number: every one of ours is a time or a count below 2^53. */
export const typeParsers: pg.CustomTypesConfig = {
  // pg's overloads cannot be expressed by one function; its own implementation has this shape.
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary'
      ? parseBigint
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

function parseBigint(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a bigint column holds more than 2^53');
  return value;
}
