/** The resource API over caches: what each verb does for an object, and for the subresources that are special. */
import { ApiError } from "#api/api-error.ts";
import { answerReview, isReview } from "./answer-review.ts";
import { createObject } from "./create-object.ts";
import { deleteCollection, deleteObject } from "./delete-object.ts";
import { patchObject } from "./patch-object.ts";
import { getObject, listObjects, watchObjects } from "./read-objects.ts";
import type { ResourceApi, Target } from "./resource-api.ts";
import type { ResourceDeps } from "./resource-deps.ts";
import { apiErrorOf } from "./store-failure.ts";
import { patchEphemeralContainers, replaceEphemeralContainers } from "./subresources/add-ephemeral-containers.ts";
import { bindPod } from "./subresources/bind-pod.ts";
import { evictPod } from "./subresources/evict-pod.ts";
import { finalizeNamespace } from "./subresources/finalize-namespace.ts";
import { requestToken } from "./subresources/request-token.ts";
import { getScale, patchScale, replaceScale } from "./subresources/scale.ts";
import { replaceObject } from "./update-object.ts";

export function createResourceApi(deps: ResourceDeps): ResourceApi {
  return {
    get: (target, options, context) => answer(target, () => get(deps, target, options, context)),
    list: (target, options, context) => answer(target, () => listObjects(deps, target, options, context)),
    watch: (target, options, sink, { signal }) =>
      answer(target, () => watchObjects(deps, target, options, { sink, signal })),
    create: (target, body, context) => answer(target, () => create(deps, target, body, context)),
    update: (target, body, context) => answer(target, () => update(deps, target, body, context)),
    patch: (target, body, context) => answer(target, () => patch(deps, target, body, context)),
    async delete(target, options, context) {
      if (target.subresource !== "") throw notAllowedError();
      return await answer(target, () => deleteObject(deps, target, options, context));
    },
    deleteCollection: (target, options, context) =>
      answer(target, () => deleteCollection(deps, target, options, context)),
  };
}

/** Whatever fails in the store becomes an error of the API. */
async function answer<T>(target: Target, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw apiErrorOf(error, target);
  }
}

type Get = ResourceApi["get"];
type Create = ResourceApi["create"];
type Update = ResourceApi["update"];
type Patch = ResourceApi["patch"];

function get(deps: ResourceDeps, ...[target, options, context]: Parameters<Get>): ReturnType<Get> {
  const { scale: paths } = target.kind;
  if (target.subresource === "scale" && paths !== undefined) return getScale(deps, target, paths, context);
  return getObject(deps, target, options, context);
}

async function create(deps: ResourceDeps, ...[target, body, context]: Parameters<Create>): ReturnType<Create> {
  switch (place(target)) {
    case "pods/binding":
      return await bindPod(deps, target, body, context);
    case "pods/eviction":
      return await evictPod(deps, target, body, context);
    case "serviceaccounts/token":
      return await requestToken(deps, target, body, context);
    default:
      if (target.subresource !== "") throw notAllowedError();
      return isReview(target)
        ? await answerReview(deps, target, body, context)
        : await createObject(deps, target, body, context);
  }
}

async function update(deps: ResourceDeps, ...[target, body, context]: Parameters<Update>): ReturnType<Update> {
  const { scale: paths } = target.kind;
  switch (place(target)) {
    case "namespaces/finalize":
      return await finalizeNamespace(deps, target, body, context);
    case "pods/ephemeralcontainers":
      return await replaceEphemeralContainers(deps, target, body, context);
    default:
      if (target.subresource === "scale" && paths !== undefined) {
        return await replaceScale(deps, { target, paths, context }, body);
      }
      if (!isOwnPath(target)) throw notAllowedError();
      return await replaceObject(deps, target, body, context);
  }
}

async function patch(deps: ResourceDeps, ...[target, body, context]: Parameters<Patch>): ReturnType<Patch> {
  const { scale: paths } = target.kind;
  if (place(target) === "pods/ephemeralcontainers") {
    return await patchEphemeralContainers(deps, target, body, context);
  }
  if (target.subresource === "scale" && paths !== undefined) {
    return await patchScale(deps, { target, paths, context }, body);
  }
  if (!isOwnPath(target)) throw notAllowedError();
  return await patchObject(deps, target, body, context);
}

/** "pods/binding" for the core group; subresources of others have no meaning of their own. */
function place({ kind, subresource }: Target): string {
  return kind.group === "" && subresource !== "" ? `${kind.plural}/${subresource}` : "";
}

/** The object's own path, or that of its status. */
function isOwnPath({ kind, subresource }: Target): boolean {
  return subresource === "" || (subresource === "status" && kind.hasStatus);
}

function notAllowedError(): ApiError {
  return new ApiError({
    code: 405,
    reason: "MethodNotAllowed",
    message: "the server does not allow this method on the requested resource",
    details: {},
  });
}
