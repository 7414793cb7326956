/** Paths of JSON patches: "/spec/template/spec/containers/0/image". Source: RFC 6901. */

/** undefined: not a pointer. The whole document is []. */
export function parseJsonPointer(text: string): readonly string[] | undefined {
  if (text === "") return [];
  if (!text.startsWith("/")) return undefined;
  return text.slice(1).split("/").map(unescapeToken);
}

function unescapeToken(token: string): string {
  return token.includes("~") ? token.replaceAll("~1", "/").replaceAll("~0", "~") : token;
}

/** The index a token means in a list of this length; "-" is the end, negative ones count from there. */
export function listIndex(token: string, length: number): number | undefined {
  if (token === "-") return length;
  if (!/^(0|-?[1-9]\d{0,8})$/.test(token)) return undefined;
  const index = Number(token);
  return index < 0 ? index + length : index;
}
