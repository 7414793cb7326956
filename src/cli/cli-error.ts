/** An error that the command line explains: what happened, why, what shows it, and what to do next. */

export const EXIT_CODES = {
  ok: 0,
  /** An assertion or check failed. */
  failed: 1,
  usage: 2,
  /** This machine cannot: a feature or privilege is missing. */
  machine: 3,
  /** A control failed, so the answer means nothing. */
  inconclusive: 4,
  interrupted: 130,
} as const;

export interface Explanation {
  readonly what: string;
  readonly why?: string;
  readonly evidence?: string;
  readonly next?: string;
}

export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  readonly explanation: Explanation;

  constructor(kind: keyof typeof EXIT_CODES, explanation: Explanation, options?: ErrorOptions) {
    super(explanation.what, options);
    this.exitCode = EXIT_CODES[kind];
    this.explanation = explanation;
  }
}
