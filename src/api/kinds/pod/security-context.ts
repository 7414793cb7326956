/** Rights of the processes in a pod. Source: Kubernetes API reference, core/v1 SecurityContext, PodSecurityContext. */
import { boolean, field, int64, list, object, oneOf, string, type ValueOf } from "../../schema/schema.ts";

const userOrGroupId = { ...int64, min: 0, max: 2_147_483_647 } as const;

const capabilities = object("io.k8s.api.core.v1.Capabilities", "POSIX capabilities that are added or taken away.", {
  add: field(1, list(string), "Capabilities added to the runtime's defaults."),
  drop: field(2, list(string), "Capabilities taken from the runtime's defaults."),
});

const seLinuxOptions = object("io.k8s.api.core.v1.SELinuxOptions", "SELinux label of the processes.", {
  user: field(1, string, "User part of the label."),
  role: field(2, string, "Role part of the label."),
  type: field(3, string, "Type part of the label."),
  level: field(4, string, "Level part of the label."),
});

const profileType = oneOf("Localhost", "RuntimeDefault", "Unconfined");

const seccompProfile = object("io.k8s.api.core.v1.SeccompProfile", "Which system calls are allowed.", {
  type: field(1, profileType, "Where the profile comes from.", { required: true }),
  localhostProfile: field(2, string, "File of the profile on the node, for type Localhost only.", { pointer: true }),
});

const appArmorProfile = object("io.k8s.api.core.v1.AppArmorProfile", "Which AppArmor profile confines the processes.", {
  type: field(1, profileType, "Where the profile comes from.", { required: true }),
  localhostProfile: field(2, string, "Name of a profile loaded on the node, for type Localhost only.", {
    pointer: true,
  }),
});

const windowsOptions = object("io.k8s.api.core.v1.WindowsSecurityContextOptions", "Rights on Windows nodes.", {
  gmsaCredentialSpecName: field(1, string, "Name of the GMSA credential spec.", { pointer: true }),
  gmsaCredentialSpec: field(2, string, "The GMSA credential spec itself.", { pointer: true }),
  runAsUserName: field(3, string, "User that the entry point runs as.", { pointer: true }),
  hostProcess: field(4, boolean, "True for a process on the host itself.", { pointer: true }),
});

export const securityContext = object(
  "io.k8s.api.core.v1.SecurityContext",
  "Rights of one container; they take precedence over those of the pod.",
  {
    capabilities: field(1, capabilities, "Capabilities beyond or below the runtime's defaults."),
    privileged: field(2, boolean, "True: as root on the node.", { pointer: true }),
    seLinuxOptions: field(3, seLinuxOptions, "SELinux label of the container."),
    windowsOptions: field(10, windowsOptions, "Rights on Windows nodes."),
    runAsUser: field(4, userOrGroupId, "User id of the entry point; by default the image's.", { pointer: true }),
    runAsGroup: field(8, userOrGroupId, "Group id of the entry point.", { pointer: true }),
    runAsNonRoot: field(5, boolean, "True: the container does not start as user 0.", { pointer: true }),
    readOnlyRootFilesystem: field(6, boolean, "True: the root file system cannot be written.", { pointer: true }),
    allowPrivilegeEscalation: field(7, boolean, "False: a process never gets more rights than its parent.", {
      pointer: true,
    }),
    procMount: field(9, oneOf("Default", "Unmasked"), "How /proc is mounted.", { pointer: true }),
    seccompProfile: field(11, seccompProfile, "System calls that the container may make."),
    appArmorProfile: field(12, appArmorProfile, "AppArmor profile of the container."),
  },
);
export type SecurityContext = ValueOf<typeof securityContext>;

const sysctl = object("io.k8s.api.core.v1.Sysctl", "A kernel parameter of the pod's namespaces.", {
  name: field(1, string, "Name of the parameter, such as net.core.somaxconn.", { required: true }),
  value: field(2, string, "Value of the parameter.", { required: true }),
});

export const podSecurityContext = object(
  "io.k8s.api.core.v1.PodSecurityContext",
  "Rights of all containers of the pod, and settings of the pod as a whole.",
  {
    seLinuxOptions: field(1, seLinuxOptions, "SELinux label of all containers."),
    windowsOptions: field(8, windowsOptions, "Rights on Windows nodes."),
    runAsUser: field(2, userOrGroupId, "User id of all entry points; by default the image's.", { pointer: true }),
    runAsGroup: field(6, userOrGroupId, "Group id of all entry points.", { pointer: true }),
    runAsNonRoot: field(3, boolean, "True: no container starts as user 0.", { pointer: true }),
    supplementalGroups: field(4, list(userOrGroupId), "Further groups of the first process of each container."),
    supplementalGroupsPolicy: field(12, oneOf("Merge", "Strict"), "Whether groups of the image count, too.", {
      pointer: true,
    }),
    fsGroup: field(5, userOrGroupId, "Group that owns the volumes, and that all containers are in.", {
      pointer: true,
    }),
    sysctls: field(7, list(sysctl), "Kernel parameters of the pod."),
    fsGroupChangePolicy: field(9, oneOf("Always", "OnRootMismatch"), "When volumes change their owner to fsGroup.", {
      pointer: true,
    }),
    seccompProfile: field(10, seccompProfile, "System calls that the containers may make."),
    appArmorProfile: field(11, appArmorProfile, "AppArmor profile of the containers."),
    seLinuxChangePolicy: field(13, oneOf("MountOption", "Recursive"), "How volumes get the pod's SELinux label.", {
      pointer: true,
    }),
  },
);
export type PodSecurityContext = ValueOf<typeof podSecurityContext>;
