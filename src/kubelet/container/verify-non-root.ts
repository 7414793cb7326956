/** runAsNonRoot where the pod does not say the user: the image does. Texts as the kubelet has them. */
import type { Container } from "#api/kinds/pod/container.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Image } from "#cri/image-messages.ts";
import { ContainerConfigError } from "./environment.ts";

/** Whether the image's user counts. */
export function needsNonRootImage({ spec }: Pod, { securityContext: own = {} }: Container): boolean {
  const shared = spec.securityContext ?? {};
  return (own.runAsNonRoot ?? shared.runAsNonRoot) === true && (own.runAsUser ?? shared.runAsUser) === undefined;
}

/** Throws ContainerConfigError. */
export function requireNonRootImage({ metadata }: Pod, container: Container, image: Image | undefined): void {
  const place = `(pod: "${metadata.name}_${metadata.namespace}(${metadata.uid})", container: ${container.name})`;
  const { uid, username = "" } = image ?? {};
  if (uid === undefined && username !== "") {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${username}), cannot verify user is non-root ${place}`,
    );
  }
  if ((uid?.value ?? 0n) === 0n) {
    throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${place}`);
  }
}
