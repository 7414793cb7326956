/**
 * `kubectl --as`: somebody who may do so acts as somebody else.
 * Source: Kubernetes documentation, "Authenticating" (user impersonation).
 */
import { badRequestError } from "#api/api-error.ts";
import { accessDeniedError } from "../authorization/access-denied.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { UserInfo } from "../resources/resource-api.ts";
import { type ApiRequest, headerOf } from "./api-message.ts";

const EXTRA_PREFIX = "impersonate-extra-";
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const ANONYMOUS = "system:anonymous";

/** Who the request counts for. Throws ApiError 403 when the user may not act as somebody else. */
export function impersonate(request: ApiRequest, user: UserInfo, authorizer: Authorizer): UserInfo {
  const name = headerOf(request, "impersonate-user");
  const groups = listHeader(request, "impersonate-group");
  const uid = headerOf(request, "impersonate-uid");
  const extra = extraOf(request);
  if (name === undefined || name === "") {
    if (groups.length === 0 && uid === undefined && extra.length === 0) return user;
    throw badRequestError("requested impersonation without impersonating a user");
  }
  const account = SERVICE_ACCOUNT.exec(name);
  const require = createRequire(user, authorizer);
  if (account === null) require({ group: "", resource: "users", name });
  else require({ group: "", resource: "serviceaccounts", namespace: account[1], name: account[2] ?? "" });
  for (const group of groups) require({ group: "", resource: "groups", name: group });
  if (uid !== undefined) require({ group: "authentication.k8s.io", resource: "uids", name: uid });
  for (const [key, values] of extra) {
    for (const value of values) {
      require({ group: "authentication.k8s.io", resource: "userextras", subresource: key, name: value });
    }
  }
  return {
    name,
    ...(uid !== undefined && { uid }),
    groups: withImplied(name, groups.length === 0 ? accountGroups(account) : groups),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  };
}

interface Impersonated {
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

function createRequire(user: UserInfo, authorizer: Authorizer): (what: Impersonated) => void {
  return ({ group, resource, subresource = "", namespace, name }) => {
    const request = {
      type: "resource",
      user,
      verb: "impersonate",
      group,
      resource,
      subresource,
      namespace,
      name,
    } as const;
    const decision = authorizer.authorize(request);
    if (!decision.isAllowed) throw accessDeniedError(request, decision);
  };
}

function accountGroups(account: RegExpExecArray | null): readonly string[] {
  return account === null ? [] : ["system:serviceaccounts", `system:serviceaccounts:${account[1]}`];
}

function withImplied(name: string, groups: readonly string[]): readonly string[] {
  const implied = name === ANONYMOUS ? "system:unauthenticated" : "system:authenticated";
  return groups.includes(implied) ? groups : [...groups, implied];
}

function extraOf(request: ApiRequest): readonly (readonly [string, readonly string[]])[] {
  return Object.keys(request.headers)
    .filter((header) => header.startsWith(EXTRA_PREFIX))
    .map((header) => [decodeKey(header.slice(EXTRA_PREFIX.length)), listHeader(request, header)]);
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    // Not encoded, then: the key is what stands there.
    return key;
  }
}

/** Node joins what came several times with commas; a group's name may hold one, so the raw lines are read. */
function listHeader(request: ApiRequest, name: string): readonly string[] {
  const { rawHeaders } = request;
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}
