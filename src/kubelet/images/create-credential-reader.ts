/** The registry credentials of a pod, from the Secrets that its imagePullSecrets name. */
import { isApiError } from "#api/api-error.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { secret } from "#api/kinds/secret.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { ImagePullerDeps } from "./create-image-puller.ts";
import { credentialsOf, type RegistryCredential } from "./registry-credentials.ts";

/** A Secret that is not there is told; the pull may succeed without it. */
export function createCredentialReader(client: Pick<ApiClient, "get">): ImagePullerDeps["credentials"] {
  return async ({ metadata, spec }: Pod, tell, signal) => {
    const { namespace } = metadata;
    const missing: string[] = [];
    const found: RegistryCredential[] = [];
    for (const { name = "" } of spec.imagePullSecrets ?? []) {
      if (name === "") continue;
      try {
        found.push(...credentialsOf(await client.get(secret, { namespace, name }, signal)));
      } catch (error) {
        if (!isApiError(error)) throw error;
        missing.push(name);
      }
    }
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`;
      tell({ type: "Warning", reason: "FailedToRetrieveImagePullSecret", message });
    }
    return found;
  };
}
