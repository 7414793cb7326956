/** The object that a request is about: its cache, its name, and what happens when it is not there. */
import { badRequestError, notFoundError } from "#api/api-error.ts";
import type { KindNames, KubeObject } from "#api/kind.ts";
import type { RequestContext, Target } from "./resource-api.ts";
import type { ResourceDeps } from "./resource-deps.ts";

/** The name in the path; requests without one are for collections. */
export function nameOf({ name }: Pick<Target, "name">): string {
  if (name === undefined || name === "") throw badRequestError("name must be provided");
  return name;
}

/** The object as it is in the store now. Throws a 404 when there is none. */
export async function readCurrent(
  { caches }: Pick<ResourceDeps, "caches">,
  target: Target,
  { signal }: Pick<RequestContext, "signal">,
): Promise<KubeObject> {
  const object = await findCurrent({ caches }, target, { signal });
  if (object === undefined) throw notFoundError(target.kind, nameOf(target));
  return object;
}

/** undefined when there is none. */
export async function findCurrent(
  { caches }: Pick<ResourceDeps, "caches">,
  target: Target,
  { signal }: Pick<RequestContext, "signal">,
): Promise<KubeObject | undefined> {
  const { kind, namespace } = target;
  return await caches(kind).get(namespace, nameOf(target), "latest", signal);
}

/** Events are deleted by the store an hour after they were last written. */
const EVENT_TTL_SECONDS = 3600;

/** What each write of the kind says about how long the object lives; undefined: until it is deleted. */
export function ttlSecondsOf({ kind }: KindNames): number | undefined {
  return kind === "Event" ? EVENT_TTL_SECONDS : undefined;
}
