/**
 * Where the next page of a list begins, as the text that clients hand back: the revision of the first page and the
 * key behind the last one. The form is the API server's: base64url of a small JSON object.
 */
import { isJsonObject } from "#base/json.ts";
import type { Revision } from "../store/store.ts";
import { invalidContinueError } from "./cache-errors.ts";

const VERSION = "meta.k8s.io/v1";
/** The next page is of now, whatever the first one was of. */
const INCONSISTENT = -1;

export interface ContinueToken {
  /** undefined: of now. */
  readonly revision: Revision | undefined;
  /** Not less than this: the last key of the page before, and a zero. */
  readonly start: string;
}

export function encodeContinueToken({ revision, start }: ContinueToken): string {
  const text = JSON.stringify({ v: VERSION, rv: revision ?? INCONSISTENT, start });
  return Buffer.from(text, "utf8").toString("base64url");
}

/** Throws ApiError 400. */
export function decodeContinueToken(token: string): ContinueToken {
  const { v, rv, start } = parse(token);
  if (v !== VERSION) {
    throw invalidContinueError(
      `continue key is not valid: server does not recognize this encoded version ${JSON.stringify(v ?? "")}`,
    );
  }
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv < INCONSISTENT || rv === 0) {
    throw invalidContinueError(
      "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
    );
  }
  if (typeof start !== "string" || start === "") {
    throw invalidContinueError("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)");
  }
  return { revision: rv === INCONSISTENT ? undefined : rv, start };
}

function parse(token: string): Readonly<Record<string, unknown>> {
  if (!/^[A-Za-z0-9_-]+$/.test(token)) throw invalidContinueError("continue key is not valid: illegal base64 data");
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (isJsonObject(value)) return value;
  } catch {
    // Said below.
  }
  throw invalidContinueError("continue key is not valid: invalid character in the encoded text");
}
