/**
 * Whether PostgreSQL can hold this text at all: it has no U+0000. Asked where a stranger's text is looked up, so that it
 * is simply not found rather than an error.
 */
export function storable(text: string): boolean {
  return !text.includes('\0');
}
