/**
 * Tokens of service accounts: made on request, valid for a time and an audience, and only while the account and the
 * object they are bound to exist. Source: Kubernetes documentation, "Managing Service Accounts" (bound tokens).
 */
import { type KeyObject, randomUUID } from "node:crypto";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { UserInfo } from "../resources/resource-api.ts";
import type { BoundObject, TokenIssueRequest, TokenIssuer } from "../resources/token-issuer.ts";
import { keyIdOf, signToken, verifyToken } from "./json-web-token.ts";

export const SERVICE_ACCOUNT_ISSUER = "https://kubernetes.default.svc.cluster.local";

/** Tokens whose signature was found good are remembered, so that it is computed once. */
const REMEMBERED_TOKENS = 1024;

export interface BoundObjectLookup {
  /** The object's uid; undefined when there is none. `namespace` is undefined for nodes. */
  findUid(
    resource: "serviceaccounts" | "pods" | "secrets" | "nodes",
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<string | undefined>;
}

export interface ServiceAccountTokens extends TokenIssuer {
  /** Who the token is, and which of the audiences it is for; undefined when it is not valid for any of them. */
  review(token: string, audiences: readonly string[], signal: AbortSignal): Promise<TokenReviewOutcome | undefined>;
}

export interface TokenReviewOutcome {
  readonly user: UserInfo;
  readonly audiences: readonly string[];
}

export interface ServiceAccountTokenDeps {
  readonly keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly lookup: BoundObjectLookup;
  readonly now: () => Date;
}

export function createServiceAccountTokens({ keys, lookup, now }: ServiceAccountTokenDeps): ServiceAccountTokens {
  const keyId = keyIdOf(keys.publicKey);
  const publicKeys = new Map([[keyId, keys.publicKey]]);
  const remembered = new Map<string, TokenClaims>();
  const claimsOf = (token: string): TokenClaims | undefined => {
    const known = remembered.get(token);
    if (known !== undefined) return known;
    const json = verifyToken(token, publicKeys);
    const claims = json === undefined ? undefined : parseClaims(json);
    if (claims === undefined) return undefined;
    const [oldest] = remembered.size < REMEMBERED_TOKENS ? [] : remembered.keys();
    if (oldest !== undefined) remembered.delete(oldest);
    remembered.set(token, claims);
    return claims;
  };
  return {
    issue(request) {
      const issuedAt = Math.floor(now().getTime() / 1000);
      const expiresAt = issuedAt + request.expirationSeconds;
      const audiences = request.audiences.length === 0 ? [SERVICE_ACCOUNT_ISSUER] : request.audiences;
      const claims = planClaims(request, { audiences, issuedAt, expiresAt, id: randomUUID() });
      return {
        token: signToken(claims, { privateKey: keys.privateKey, keyId }),
        expirationTimestamp: new Date(expiresAt * 1000).toISOString().replace(".000Z", "Z"),
        audiences,
      };
    },
    async review(token, audiences, signal) {
      const claims = claimsOf(token);
      if (claims === undefined) return undefined;
      const seconds = now().getTime() / 1000;
      if (seconds >= claims.expiresAt || seconds < claims.notBefore) return undefined;
      const shared = audiences.filter((audience) => claims.audiences.includes(audience));
      if (shared.length === 0 || !(await isStillBound(claims, lookup, signal))) return undefined;
      return { user: userOf(claims), audiences: shared };
    },
  };
}

interface TokenClaims {
  readonly audiences: readonly string[];
  /** Seconds since 1970. */
  readonly expiresAt: number;
  readonly notBefore: number;
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount: Reference;
  readonly bound: readonly BoundObject[];
}

interface Reference {
  readonly name: string;
  readonly uid: string;
}

function planClaims(
  { serviceAccount, boundObject }: TokenIssueRequest,
  token: {
    readonly audiences: readonly string[];
    readonly issuedAt: number;
    readonly expiresAt: number;
    readonly id: string;
  },
): JsonObject {
  const { namespace, name, uid } = serviceAccount;
  return {
    aud: token.audiences,
    exp: token.expiresAt,
    iat: token.issuedAt,
    iss: SERVICE_ACCOUNT_ISSUER,
    jti: token.id,
    "kubernetes.io": {
      namespace,
      ...(boundObject !== undefined && {
        [boundObject.kind.toLowerCase()]: { name: boundObject.name, uid: boundObject.uid },
      }),
      serviceaccount: { name, uid },
    },
    nbf: token.issuedAt,
    sub: serviceAccountUserName(namespace, name),
  };
}

const BOUND_KINDS = ["Pod", "Secret", "Node"] as const;
const RESOURCES = { Pod: "pods", Secret: "secrets", Node: "nodes" } as const;

/** Our own signature was on it, but maybe an older version of us wrote it. */
function parseClaims(json: JsonObject): TokenClaims | undefined {
  const details = json["kubernetes.io"];
  if (json["iss"] !== SERVICE_ACCOUNT_ISSUER || !isJsonObject(details)) return undefined;
  const { aud, exp, nbf, jti, sub } = json;
  const { namespace } = details;
  const serviceAccount = parseReference(details["serviceaccount"]);
  if (!Array.isArray(aud) || typeof exp !== "number" || typeof namespace !== "string") return undefined;
  if (serviceAccount === undefined || sub !== serviceAccountUserName(namespace, serviceAccount.name)) return undefined;
  return {
    audiences: aud.map(String),
    expiresAt: exp,
    notBefore: typeof nbf === "number" ? nbf : 0,
    id: String(jti),
    namespace,
    serviceAccount,
    bound: BOUND_KINDS.flatMap((kind) => {
      const reference = parseReference(details[kind.toLowerCase()]);
      return reference === undefined ? [] : [{ kind, ...reference }];
    }),
  };
}

function parseReference(value: JsonValue | undefined): Reference | undefined {
  if (!isJsonObject(value)) return undefined;
  const { name, uid } = value;
  return typeof name === "string" && typeof uid === "string" ? { name, uid } : undefined;
}

/** An account or a pod that was deleted and made again has another uid. */
async function isStillBound(claims: TokenClaims, lookup: BoundObjectLookup, signal: AbortSignal): Promise<boolean> {
  const { namespace, serviceAccount, bound } = claims;
  const uids = await Promise.all([
    lookup.findUid("serviceaccounts", namespace, serviceAccount.name, signal),
    ...bound.map(({ kind, name }) =>
      lookup.findUid(RESOURCES[kind], kind === "Node" ? undefined : namespace, name, signal),
    ),
  ]);
  return [serviceAccount, ...bound].every(({ uid }, index) => uids[index] === uid);
}

function userOf({ namespace, serviceAccount, bound, id }: TokenClaims): UserInfo {
  const extra: Record<string, readonly string[]> = { "authentication.kubernetes.io/credential-id": [`JTI=${id}`] };
  for (const { kind, name, uid } of bound) {
    if (kind === "Secret") continue;
    extra[`authentication.kubernetes.io/${kind.toLowerCase()}-name`] = [name];
    extra[`authentication.kubernetes.io/${kind.toLowerCase()}-uid`] = [uid];
  }
  return {
    name: serviceAccountUserName(namespace, serviceAccount.name),
    uid: serviceAccount.uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    extra,
  };
}

export function serviceAccountUserName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}
