/** Fields that an apply would change although others manage them. Texts and causes as the API server has them. */
import { ApiError } from "../../api-error.ts";
import { type FieldSet, printPaths } from "./field-set.ts";
import { compareText, type ManagedEntry } from "./managed-fields.ts";

export interface ApplyConflict {
  /** The other manager. */
  readonly entry: ManagedEntry;
  readonly fields: FieldSet;
}

export function applyConflictError(conflicts: readonly ApplyConflict[]): ApiError {
  const byManager = [...conflicts]
    .sort((a, b) => compareText(identity(a.entry), identity(b.entry)))
    .map(({ entry, fields }) => ({ manager: printManager(entry), paths: printPaths(fields) }));
  const causes = byManager.flatMap(({ manager, paths }) =>
    paths.map((field) => ({ reason: "FieldManagerConflict", message: `conflict with ${manager}`, field })),
  );
  const [first] = causes;
  const message =
    causes.length === 1 && first !== undefined
      ? `Apply failed with 1 conflict: ${first.message}: ${first.field}`
      : `Apply failed with ${causes.length} conflicts: ${byManager.flatMap(listPaths).join("\n")}`;
  return new ApiError({ code: 409, reason: "Conflict", message, details: { causes } });
}

function listPaths({ manager, paths }: { readonly manager: string; readonly paths: readonly string[] }) {
  return [`conflicts with ${manager}:`, ...paths.map((path) => `- ${path}`)];
}

/** What managers are sorted by. */
function identity({ manager, operation, apiVersion, subresource }: ManagedEntry): string {
  return JSON.stringify({
    manager,
    operation,
    ...(operation === "Update" && { apiVersion }),
    subresource,
  });
}

function printManager({ manager, operation, apiVersion, subresource }: ManagedEntry): string {
  const name = JSON.stringify(manager);
  const through = subresource === undefined ? "" : ` with subresource ${JSON.stringify(subresource)}`;
  return operation === "Update" ? `${name}${through} using ${apiVersion}` : `${name}${through}`;
}
