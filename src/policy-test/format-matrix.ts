/** The matrix as text: a row for each source, a numbered column for each target. Pure. */
import { type Matrix, type MatrixCell, targetName } from "./matrix.ts";

const MARKS: Readonly<Record<MatrixCell["verdict"], string>> = { allow: "✓", deny: "·", partly: "½" };

export function formatMatrix({ sources, targets, cells }: Matrix): string {
  if (cells.length === 0) return "no connections: there are not two pods\n";
  const marks = new Map(cells.map((cell) => [`${cell.from} ${targetName(cell)}`, MARKS[cell.verdict]]));
  const numbers = targets.map((_, index) => String(index + 1));
  const width = Math.max(...numbers.map(({ length }) => length));
  const nameWidth = Math.max(...sources.map(({ length }) => length), "from".length);
  const row = (name: string, columns: readonly string[]) =>
    `${name.padEnd(nameWidth)}  ${columns.map((text) => text.padStart(width)).join(" ")}`.trimEnd();
  const lines = [
    row("from", numbers),
    ...sources.map((source) =>
      row(
        source,
        targets.map((target) => marks.get(`${source} ${target}`) ?? " "),
      ),
    ),
    "",
    "to:",
    ...targets.map((target, index) => `  ${(numbers[index] ?? "").padStart(width)}  ${target}`),
    "",
    legend(cells),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function legend(cells: readonly MatrixCell[]): string {
  const partly = cells.some(({ verdict }) => verdict === "partly") ? ", ½ in one family only" : "";
  const star = cells.some((cell) => targetName(cell).includes(":*")) ? "; * a port that nobody names" : "";
  return `✓ allowed, · denied${partly}${star}`;
}
