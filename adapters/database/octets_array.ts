/** What a `bytea[]` parameter takes (PostgreSQL documentation, "Binary Data Types", hex format). */
export function octetsArray(items: readonly Uint8Array[]): string[] {
  return items.map(({ buffer, byteOffset, length }) => {
    return `\\x${Buffer.from(buffer, byteOffset, length).toString('hex')}`;
  });
}
