/** Finds the ends of strings in text that is known to be JSON. */

const BACKSLASH = 0x5c;

/** Offset of the quote that ends the string that starts at `offset`. */
export function closingQuote(text: string, offset: number): number {
  let end = text.indexOf('"', offset + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, offset: number): boolean {
  let start = offset;
  while (text.charCodeAt(start - 1) === BACKSLASH) start--;
  return (offset - start) % 2 === 1;
}
