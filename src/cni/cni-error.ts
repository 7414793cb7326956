/**
 * Errors that a CNI runtime sees: `{code, msg, details}` on stdout, exit status 1.
 * Source: CNI SPEC 1.1.0, section "Error"; 8 and 999 are de-facto codes of libcni.
 */
export const CNI_ERROR_CODES = {
  incompatibleVersion: 1,
  /** A field of the configuration is known but cannot be honoured; the message holds key and value. */
  unsupportedField: 2,
  /** The container is not known; the runtime need not clean up. */
  unknownContainer: 3,
  /** A CNI_ variable is missing or malformed; the message names it. */
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidConfig: 7,
  /** CNI_NETNS cannot be used (libcni). */
  invalidNetns: 8,
  tryAgainLater: 11,
  /** STATUS: no ADD can be served. */
  notAvailable: 50,
  /** STATUS: no ADD can be served, and containers that run have lost connectivity. */
  notAvailableLimitedConnectivity: 51,
  internal: 999,
  // 100 and above are Podwire's own.
  /** The address range has no free address. */
  rangeExhausted: 100,
  /** A requested address or host port belongs to somebody else. */
  alreadyInUse: 101,
  /** The kernel refused; details hold its own words. */
  kernelRefused: 102,
  /** CHECK: what ADD made is not there any more, or differs. */
  checkFailed: 103,
  /** The name of a link is taken by something else. */
  linkConflict: 104,
} as const;

export type CniErrorCode = (typeof CNI_ERROR_CODES)[keyof typeof CNI_ERROR_CODES];

export class CniError extends Error {
  override readonly name = "CniError";
  /** Number, because a foreign delegate may answer with a code of its own. */
  readonly code: number;
  readonly details: string;

  constructor(code: keyof typeof CNI_ERROR_CODES | number, message: string, details = "", options?: ErrorOptions) {
    super(message, options);
    this.code = typeof code === "number" ? code : CNI_ERROR_CODES[code];
    this.details = details;
  }
}
