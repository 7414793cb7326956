/** Finds out who asks. Source: Kubernetes documentation, "Authenticating" (client certificates, bearer tokens). */
import type { UserInfo } from "../resources/resource-api.ts";

export interface Credentials {
  /** Subject of a client certificate that our CA signed and that is valid now: common name = user, organisations = groups. */
  readonly certificate:
    | { readonly commonName: string; readonly organizations: readonly string[]; readonly credentialId: string }
    | undefined;
  readonly bearerToken: string | undefined;
}

export interface Authenticator {
  /** undefined: the credentials are not valid (401). No credentials at all give system:anonymous. */
  authenticate(credentials: Credentials, signal: AbortSignal): Promise<UserInfo | undefined>;
}
