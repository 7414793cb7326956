/** What is wrong with a test file or a manifest: every problem with its place, and what was probably meant. */
import type { Source } from "./policy-test.ts";

export interface FileProblem {
  readonly source: Source;
  /** `pods.shop/web.ports`; empty for the file itself. */
  readonly field: string;
  readonly message: string;
}

/** `file`: the files are wrong. `machine`: this machine cannot run the test; the message says what is missing. */
export type PolicyTestErrorCode = "file" | "machine";

export class PolicyTestError extends Error {
  override readonly name = "PolicyTestError";
  readonly code: PolicyTestErrorCode;
  readonly problems: readonly FileProblem[];
  /** What to do next. */
  readonly next: string | undefined;

  constructor(
    code: PolicyTestErrorCode,
    message: string,
    { problems = [], next, cause }: { problems?: readonly FileProblem[]; next?: string; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.problems = problems;
    this.next = next;
  }
}

/** `shop.yaml:12:5: pods.shop/web.lables: unknown field; did you mean "labels"?` */
export function describeProblem({ source: { file, line, column }, field, message }: FileProblem): string {
  const place = `${file}:${line}${column === undefined ? "" : `:${column}`}`;
  return `${place}: ${field === "" ? "" : `${field}: `}${message}`;
}

/** The known word that is nearest to what was written; undefined when none is near. */
export function nearest(written: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(written.length / 3));
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const word of known) {
    const distance = editDistance(written.toLowerCase(), word.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { word, distance };
  }
  return best?.word;
}

/** Insertions, deletions, replacements and swaps of neighbours that make one word of the other. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(rows, i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? at(rows, i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(at(rows, i - 1, j) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped));
    }
    rows.push(row);
  }
  return at(rows, a.length, b.length);
}

function at(rows: readonly (readonly number[])[], i: number, j: number): number {
  return rows[i]?.[j] ?? 0;
}
