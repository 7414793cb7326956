/**
 * A container for CRI: image, command, environment, mounts, rights, resources.
 * Source: k8s.io/cri-api, ContainerConfig; labels and annotations as other CRI tools look for them.
 */
import type { VolumeMount } from "#api/kinds/pod/container.ts";
import { qosClassOf } from "#api/kinds/pod/qos-class.ts";
import type { ContainerConfig } from "#cri/container-messages.ts";
import { ContainerConfigError, type EnvironmentInput, environmentOf } from "./environment.ts";
import { expand } from "./expand.ts";
import { linuxResources } from "./resources.ts";
import { CONTAINER_NAME_LABEL, podLabels } from "./sandbox-config.ts";
import { linuxSecurityContext } from "./security-context.ts";

export const BACK_OFF_ANNOTATION = "podwire.io/restart-back-off-ms";
export const IMAGE_ANNOTATION = "podwire.io/wanted-image";
export const GRACE_ANNOTATION = "io.kubernetes.pod.terminationGracePeriod";
const RESTART_COUNT_ANNOTATION = "io.kubernetes.container.restartCount";
export const MESSAGE_PATH_ANNOTATION = "io.kubernetes.container.terminationMessagePath";
export const MESSAGE_POLICY_ANNOTATION = "io.kubernetes.container.terminationMessagePolicy";

export interface ContainerInput extends EnvironmentInput {
  readonly attempt: number;
  readonly backOffMs: number;
  /** What the image resolved to. */
  readonly imageRef: string;
  /** Folder or file on the node of each volume. */
  readonly volumePaths: ReadonlyMap<string, string>;
  /** The pod's own; undefined in the node's network namespace. */
  readonly hostsPath: string | undefined;
  /** Becomes the container's terminationMessagePath. */
  readonly messagePath: string;
  /** For ephemeral containers: whose processes they see. */
  readonly targetId: string | undefined;
  readonly nodeMemoryBytes: number;
}

type Mount = NonNullable<ContainerConfig["mounts"]>[number];

/** Throws ContainerConfigError. */
export function containerConfig(input: ContainerInput): ContainerConfig {
  const { pod, container, attempt } = input;
  const { name, image } = container;
  const environment = environmentOf(input);
  const expanded = (text: string): string => expand(text, (variable) => environment.get(variable));
  const linux = {
    resources: linuxResources(container, qosClassOf(pod.spec), input.nodeMemoryBytes),
    securityContext: linuxSecurityContext(pod, container, input.targetId),
  };
  return {
    metadata: { name, attempt },
    image: { image: input.imageRef },
    command: (container.command ?? []).map(expanded),
    args: (container.args ?? []).map(expanded),
    workingDir: container.workingDir ?? "",
    envs: Array.from(environment, ([key, value]) => ({ key, value })),
    mounts: mountsOf(input, environment),
    labels: { ...podLabels(pod), [CONTAINER_NAME_LABEL]: name },
    annotations: {
      [RESTART_COUNT_ANNOTATION]: String(attempt),
      [BACK_OFF_ANNOTATION]: String(input.backOffMs),
      [IMAGE_ANNOTATION]: image,
      [GRACE_ANNOTATION]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
      [MESSAGE_PATH_ANNOTATION]: input.messagePath,
      [MESSAGE_POLICY_ANNOTATION]: container.terminationMessagePolicy ?? "File",
    },
    logPath: `${name}/${attempt}.log`,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux,
  };
}

const PROPAGATION: Readonly<Record<string, NonNullable<Mount["propagation"]>>> = {
  HostToContainer: "PROPAGATION_HOST_TO_CONTAINER",
  Bidirectional: "PROPAGATION_BIDIRECTIONAL",
};

function mountsOf(input: ContainerInput, environment: ReadonlyMap<string, string>): readonly Mount[] {
  const { container, hostsPath, messagePath } = input;
  const mounts = (container.volumeMounts ?? []).map((mount): Mount => {
    const { mountPath, readOnly, mountPropagation = "" } = mount;
    return {
      containerPath: mountPath,
      hostPath: hostPathOf(mount, input, environment),
      readonly: readOnly === true,
      propagation: PROPAGATION[mountPropagation] ?? "PROPAGATION_PRIVATE",
    };
  });
  const taken = new Set(mounts.map(({ containerPath }) => containerPath));
  const own: readonly Mount[] = [
    ...(hostsPath === undefined ? [] : [{ containerPath: "/etc/hosts", hostPath: hostsPath }]),
    { containerPath: container.terminationMessagePath || "/dev/termination-log", hostPath: messagePath },
  ];
  return [...mounts, ...own.filter(({ containerPath = "" }) => !taken.has(containerPath))];
}

function hostPathOf(
  { name, subPath, subPathExpr }: VolumeMount,
  { volumePaths }: ContainerInput,
  environment: ReadonlyMap<string, string>,
): string {
  const root = volumePaths.get(name);
  if (root === undefined) throw new ContainerConfigError(`cannot find volume "${name}" to mount into container`);
  const below = subPathExpr ? expand(subPathExpr, (variable) => environment.get(variable)) : (subPath ?? "");
  if (below.startsWith("/") || below.split("/").includes("..")) {
    throw new ContainerConfigError(`subPath "${below}" must be a relative path without '..'`);
  }
  return below === "" ? root : `${root}/${below}`;
}
