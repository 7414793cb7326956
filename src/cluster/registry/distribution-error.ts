/**
 * Errors as registries tell them. Source: OCI Distribution Specification 1.1, "Error Codes".
 */

const STATUS = {
  BLOB_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  UNSUPPORTED: 405,
  TAG_INVALID: 400,
  /** An image of our own that cannot be built. */
  UNAVAILABLE: 503,
} as const;

export type DistributionCode = keyof typeof STATUS;
export const DISTRIBUTION_CODES = Object.keys(STATUS).filter((code): code is DistributionCode => code in STATUS);

export class DistributionError extends Error {
  override readonly name = "DistributionError";
  readonly code: DistributionCode;
  readonly status: number;
  readonly detail: Readonly<Record<string, string>> | undefined;

  constructor(code: DistributionCode, message: string, detail?: Readonly<Record<string, string>>) {
    super(message);
    this.code = code;
    this.status = STATUS[code];
    this.detail = detail;
  }
}

export function errorBody({ code, message, detail }: DistributionError): string {
  return JSON.stringify({ errors: [{ code, message, ...(detail && { detail }) }] });
}
