/**
 * Versions of the CNI specification and how they compare.
 * A configuration without a version means 0.1.0. Source: CNI SPEC 1.1.0, appendix, and libcni's version texts.
 */
import { CniError } from "./cni-error.ts";

/** All published versions, oldest first. */
export const SPEC_VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export type SpecVersion = (typeof SPEC_VERSIONS)[number];

export const NEWEST_SPEC_VERSION = "1.1.0" satisfies SpecVersion;

/** What a missing or empty `cniVersion` means. */
export const DEFAULT_SPEC_VERSION = "0.1.0" satisfies SpecVersion;

export function isSpecVersion(version: string): version is SpecVersion {
  return SPEC_VERSIONS.some((known) => known === version);
}

/** Negative, zero or positive, as for sorting. Throws when one of them is not a version. */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  return left.major - right.major || left.minor - right.minor || left.micro - right.micro;
}

interface VersionParts {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
}

function parseVersion(version: string): VersionParts {
  const [major = "", minor = "0", micro = "0", ...rest] = (version || DEFAULT_SPEC_VERSION).split(".");
  if (rest.length > 0) {
    throw new CniError("decodingFailure", `invalid version ${JSON.stringify(version)}: too many parts`);
  }
  return { major: parsePart("major", major), minor: parsePart("minor", minor), micro: parsePart("micro", micro) };
}

function parsePart(name: string, text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new CniError(
    "decodingFailure",
    `failed to convert ${name} version part ${JSON.stringify(text)}: it is not a number`,
  );
}
