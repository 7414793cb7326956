/** Makes tokens for service accounts. Source: Kubernetes API reference, TokenRequest v1. */

export interface TokenIssueRequest {
  readonly serviceAccount: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** Whom the token is for; empty: the API server. */
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** The token ends with this object. */
  readonly boundObject?: BoundObject;
}

/** Pods and secrets are of the service account's namespace. */
export interface BoundObject {
  readonly kind: "Pod" | "Secret" | "Node";
  readonly name: string;
  readonly uid: string;
}

export interface IssuedToken {
  readonly token: string;
  /** RFC 3339, whole seconds. */
  readonly expirationTimestamp: string;
  /** As they stand in the token. */
  readonly audiences: readonly string[];
}

export interface TokenIssuer {
  issue(request: TokenIssueRequest): IssuedToken;
}
