/**
 * Finds out who asks: by client certificate, then by bearer token, else anonymous.
 * Source: Kubernetes documentation, "Authenticating".
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { UserInfo } from "../resources/resource-api.ts";
import type { Authenticator } from "./authenticator.ts";
import { SERVICE_ACCOUNT_ISSUER, type ServiceAccountTokens } from "./service-account-tokens.ts";

const CREDENTIAL_ID = "authentication.kubernetes.io/credential-id";
const AUTHENTICATED = "system:authenticated";

export const ANONYMOUS: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };

export interface StaticToken {
  readonly token: string;
  readonly user: { readonly name: string; readonly groups: readonly string[] };
}

export interface AuthenticatorDeps {
  readonly serviceAccountTokens: Pick<ServiceAccountTokens, "review">;
  /** Tokens that are given at start, such as a node's for joining. */
  readonly staticTokens: readonly StaticToken[];
}

export function createAuthenticator({ serviceAccountTokens, staticTokens }: AuthenticatorDeps): Authenticator {
  const known = staticTokens.map(({ token, user }) => ({
    digest: digestOf(token),
    user: { name: user.name, groups: withAuthenticated(user.groups) },
  }));
  return {
    async authenticate({ certificate, bearerToken }, signal) {
      if (certificate !== undefined) {
        const { commonName, organizations, credentialId } = certificate;
        const extra = { [CREDENTIAL_ID]: [credentialId] };
        return { name: commonName, groups: withAuthenticated(organizations), extra };
      }
      if (bearerToken === undefined) return ANONYMOUS;
      const digest = known.length === 0 ? undefined : digestOf(bearerToken);
      const match = digest && known.find((candidate) => timingSafeEqual(candidate.digest, digest));
      if (match !== undefined) return match.user;
      const outcome = await serviceAccountTokens.review(bearerToken, [SERVICE_ACCOUNT_ISSUER], signal);
      return outcome?.user;
    },
  };
}

/** Digests have one length, so that comparing them tells nothing about the token. */
function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function withAuthenticated(groups: readonly string[]): readonly string[] {
  return groups.includes(AUTHENTICATED) ? groups : [...groups, AUTHENTICATED];
}
