import type { Random } from './random.ts';

/** A text with one to three things in it changed; some of what is put in comes from `words`. */
export function mutateText(text: string, random: Random, words: readonly string[], limit: number): string {
  let changed = text;
  for (let count = 1 + random.below(3); count > 0; count -= 1) changed = change(changed, random, words, limit);
  return changed;
}

function change(text: string, random: Random, words: readonly string[], limit: number): string {
  const from = random.below(text.length + 1);
  const to = from + random.below(Math.min(text.length - from, random.oneIn(4) ? text.length : 12) + 1);
  const [head, middle, tail] = [text.slice(0, from), text.slice(from, to), text.slice(to)];
  switch (random.below(6)) {
    case 0:
      return head + tail;
    case 1:
      return head;
    case 2:
      return head + middle + middle + tail;
    case 3:
      return head + random.pick(words) + tail;
    case 4: {
      const room = Math.max(0, limit - text.length);
      const filler = middle === '' ? random.pick(words) : middle;
      return head + filler.repeat(Math.floor(room / Math.max(1, filler.length))) + tail;
    }
    default:
      return head + String.fromCharCode(random.oneIn(4) ? random.below(0x10000) : random.below(128)) + tail;
  }
}
