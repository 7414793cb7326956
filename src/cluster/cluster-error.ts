/** What went wrong with a cluster, told so that the command line can explain it and choose its exit status. */

export type ClusterErrorKind = "failed" | "usage" | "machine" | "interrupted";

export interface ClusterErrorParts {
  readonly what: string;
  readonly why?: string;
  readonly evidence?: string;
  readonly next?: string;
}

export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly kind: ClusterErrorKind;
  readonly explanation: ClusterErrorParts;

  constructor(kind: ClusterErrorKind, explanation: ClusterErrorParts, options?: ErrorOptions) {
    super(explanation.why === undefined ? explanation.what : `${explanation.what}: ${explanation.why}`, options);
    this.kind = kind;
    this.explanation = explanation;
  }
}
