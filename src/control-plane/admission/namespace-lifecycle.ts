/**
 * Objects are only created in namespaces that exist and are not being deleted; some namespaces are never deleted.
 * Source: Kubernetes documentation, "Admission Controllers" (NamespaceLifecycle); the texts are the API server's.
 */
import { ApiError, forbiddenError, notFoundError } from "#api/api-error.ts";
import type { Kind } from "#api/kind.ts";
import { namespace as namespaceKind } from "#api/kinds/namespace.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import type { AdmissionRequest, AdmissionRule } from "./admission.ts";
import { findObject } from "./find-object.ts";

const IMMORTAL: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

export function namespaceLifecycle(caches: (kind: Kind) => WatchCache): AdmissionRule {
  return {
    handles({ operation, kind, subresource }) {
      if (operation === "delete") return kind.group === "" && kind.plural === namespaceKind.plural;
      return operation === "create" && kind.isNamespaced && subresource === "";
    },
    admit(request) {
      if (request.operation === "delete") {
        refuseImmortal(request);
        return request.object;
      }
      return inLivingNamespace(caches, request);
    },
  };
}

function refuseImmortal({ target }: AdmissionRequest): void {
  const { kind, name = "" } = target;
  if (IMMORTAL.has(name)) throw forbiddenError(kind, name, "this namespace may not be deleted");
}

async function inLivingNamespace(caches: (kind: Kind) => WatchCache, { target, object, context }: AdmissionRequest) {
  const { kind, namespace: name = "" } = target;
  const found = await findObject(caches, { kind: namespaceKind, namespace: undefined, name }, context.signal);
  if (found === undefined) throw notFoundError(namespaceKind, name);
  if (found.status?.phase !== "Terminating") return object;
  const why = `unable to create new content in namespace ${name} because it is being terminated`;
  const { code, reason, message, details } = forbiddenError(
    kind,
    object.metadata.name ?? object.metadata.generateName ?? "",
    why,
  );
  throw new ApiError({
    code,
    reason,
    message,
    details: {
      ...details,
      causes: [
        {
          reason: "NamespaceTerminating",
          message: `namespace ${name} is being terminated`,
          field: "metadata.namespace",
        },
      ],
    },
  });
}
