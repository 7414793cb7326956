/**
 * Names that the server makes from metadata.generateName. The alphabet has no vowels and nothing that looks like
 * another character. Source: Kubernetes API conventions, "Idempotency"; 63 characters is a DNS label's limit.
 */
import { ApiError, qualified, type ResourceName } from "#api/api-error.ts";

const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH = 5;
const MAX_LENGTH = 63;

/** How often another name is tried when one is taken. */
export const NAME_ATTEMPTS = 8;

/** `random` gives numbers from 0 to below 1. */
export function generateName(prefix: string, random: () => number): string {
  return `${prefix.slice(0, MAX_LENGTH - SUFFIX_LENGTH)}${randomSuffix(random)}`;
}

export function randomSuffix(random: () => number): string {
  let suffix = "";
  for (let at = 0; at < SUFFIX_LENGTH; at += 1) suffix += ALPHABET.charAt(Math.floor(random() * ALPHABET.length));
  return suffix;
}

export function noUniqueNameError(resource: ResourceName, name: string): ApiError {
  return new ApiError({
    code: 409,
    reason: "AlreadyExists",
    message: `${qualified(resource)} ${JSON.stringify(name)} already exists, the server was not able to generate a unique name for the object`,
    details: {
      name,
      ...(resource.group !== "" && { group: resource.group }),
      kind: resource.plural,
      retryAfterSeconds: 1,
    },
  });
}
