/** What a pod should be. Source: Kubernetes API reference, core/v1 PodSpec; defaults as the API server sets them. */
import { localObjectReference } from "../../meta/object-reference.ts";
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from "../../names.ts";
import {
  boolean,
  field,
  int32,
  int64,
  list,
  listBy,
  mapOf,
  object,
  oneOf,
  string,
  stringOf,
  type ValueOf,
} from "../../schema/schema.ts";
import { checkAddress } from "../network/address.ts";
import { affinity } from "./affinity.ts";
import { container, ephemeralContainer } from "./container.ts";
import { resourceList, resourceRequirements } from "./resource-requirements.ts";
import { podSecurityContext } from "./security-context.ts";
import { toleration } from "./toleration.ts";
import { topologySpreadConstraint } from "./topology-spread.ts";
import { volume } from "./volume.ts";

const hostAlias = object("io.k8s.api.core.v1.HostAlias", "A line in the pod's /etc/hosts.", {
  ip: field(1, stringOf(checkAddress), "Address of the line.", { required: true }),
  hostnames: field(2, list(stringOf(checkDnsSubdomain)), "Names of the address."),
});

const dnsOption = object("io.k8s.api.core.v1.PodDNSConfigOption", "An option of the resolver.", {
  name: field(1, string, "Name of the option."),
  value: field(2, string, "Value of the option.", { pointer: true }),
});

const dnsConfig = object("io.k8s.api.core.v1.PodDNSConfig", "Settings of the resolver beside those of dnsPolicy.", {
  nameservers: field(1, list(stringOf(checkAddress)), "Addresses of further servers."),
  searches: field(2, list(string), "Further domains to search in."),
  options: field(3, list(dnsOption), "Further options; they replace those of the same name."),
});

const readinessGate = object("io.k8s.api.core.v1.PodReadinessGate", "A condition that is needed for readiness.", {
  conditionType: field(1, stringOf(checkQualifiedName), "Type of the condition.", { required: true }),
});

const schedulingGate = object("io.k8s.api.core.v1.PodSchedulingGate", "Keeps a pod from being scheduled.", {
  name: field(1, stringOf(checkQualifiedName), "Name of the gate, unique in the pod.", { required: true }),
});

const os = object("io.k8s.api.core.v1.PodOS", "Operating system of the containers.", {
  name: field(1, oneOf("linux", "windows"), "Name of the operating system.", { required: true }),
});

const resourceClaim = object("io.k8s.api.core.v1.PodResourceClaim", "A resource claim that containers can use.", {
  name: field(1, stringOf(checkDnsLabel), "Name of the entry, unique in the pod.", { required: true }),
  resourceClaimName: field(3, string, "Name of an existing claim.", { pointer: true }),
  resourceClaimTemplateName: field(4, string, "Name of a template; a claim is made for the pod.", { pointer: true }),
});

export const podSpec = object("io.k8s.api.core.v1.PodSpec", "What a pod should be.", {
  volumes: field(
    1,
    listBy(volume, ["name"], { patchKey: "name", patchRetainKeys: true }),
    "Files that its containers can mount.",
  ),
  initContainers: field(
    20,
    listBy(container, ["name"], { patchKey: "name" }),
    "Containers that run one after the other before the others start.",
  ),
  containers: field(2, listBy(container, ["name"], { patchKey: "name" }), "The containers; at least one.", {
    required: true,
  }),
  ephemeralContainers: field(
    34,
    listBy(ephemeralContainer, ["name"], { patchKey: "name" }),
    "Containers added to the running pod; only through the subresource of this name.",
  ),
  restartPolicy: field(3, oneOf("Always", "Never", "OnFailure"), "Which containers start again after they end.", {
    default: "Always",
  }),
  terminationGracePeriodSeconds: field(4, int64, "Seconds that containers get to end by themselves.", {
    default: 30,
    pointer: true,
  }),
  activeDeadlineSeconds: field(5, int64, "Seconds after its start at which the pod is ended.", { pointer: true }),
  dnsPolicy: field(
    6,
    oneOf("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "Which DNS servers it asks.",
    {
      default: "ClusterFirst",
    },
  ),
  nodeSelector: field(
    7,
    mapOf(stringOf(checkLabelValue), { checkKey: checkQualifiedName, isAtomic: true }),
    "Labels that its node must have.",
  ),
  serviceAccountName: field(8, stringOf(checkDnsSubdomain), "Service account that it acts as.", {
    default: ({ serviceAccount }) => serviceAccount,
  }),
  serviceAccount: field(9, string, "Old name of serviceAccountName, always equal to it.", {
    default: ({ serviceAccountName }) => serviceAccountName,
  }),
  automountServiceAccountToken: field(21, boolean, "False: its containers get no token.", { pointer: true }),
  nodeName: field(10, stringOf(checkDnsSubdomain), "Node that it runs on; set by the scheduler."),
  hostNetwork: field(11, boolean, "True: it uses the node's network."),
  hostPID: field(12, boolean, "True: it sees the node's processes."),
  hostIPC: field(13, boolean, "True: it uses the node's IPC namespace."),
  shareProcessNamespace: field(27, boolean, "True: its containers see each other's processes.", { pointer: true }),
  securityContext: field(14, podSecurityContext, "Rights of its containers.", { default: {} }),
  imagePullSecrets: field(
    15,
    listBy(localObjectReference, ["name"], { patchKey: "name" }),
    "Secrets to pull its images with.",
  ),
  hostname: field(16, stringOf(checkDnsLabel), "Its host name; by default its name."),
  subdomain: field(17, stringOf(checkDnsLabel), "Part of its full name after the host name."),
  affinity: field(18, affinity, "Which nodes it prefers or needs."),
  schedulerName: field(19, stringOf(checkQualifiedName), "Scheduler that finds its node.", {
    default: "default-scheduler",
  }),
  tolerations: field(22, list(toleration), "Taints that it bears."),
  hostAliases: field(23, listBy(hostAlias, ["ip"], { patchKey: "ip" }), "Lines in its /etc/hosts."),
  priorityClassName: field(24, string, "Name of its priority class."),
  priority: field(25, int32, "Its priority, from the class; higher is more important.", { pointer: true }),
  dnsConfig: field(26, dnsConfig, "Settings of the resolver beside those of dnsPolicy."),
  readinessGates: field(28, list(readinessGate), "Conditions that must be true for it to be ready."),
  runtimeClassName: field(29, stringOf(checkDnsSubdomain), "RuntimeClass to run it with.", { pointer: true }),
  enableServiceLinks: field(30, boolean, "False: no environment variables of services.", { pointer: true }),
  preemptionPolicy: field(31, oneOf("Never", "PreemptLowerPriority"), "Whether it may push out other pods.", {
    pointer: true,
  }),
  overhead: field(32, resourceList, "What it needs beside its containers, from the RuntimeClass."),
  topologySpreadConstraints: field(
    33,
    listBy(topologySpreadConstraint, ["topologyKey", "whenUnsatisfiable"], { patchKey: "topologyKey" }),
    "How evenly it and its like are spread.",
  ),
  setHostnameAsFQDN: field(35, boolean, "True: its host name is its full name.", { pointer: true }),
  os: field(36, os, "Operating system of its containers."),
  hostUsers: field(37, boolean, "False: it has a user namespace of its own.", { pointer: true }),
  schedulingGates: field(
    38,
    listBy(schedulingGate, ["name"], { patchKey: "name" }),
    "While there are any, it is not scheduled; only set on create, later only removed.",
  ),
  resourceClaims: field(
    39,
    listBy(resourceClaim, ["name"], { patchKey: "name", patchRetainKeys: true }),
    "Resource claims that its containers can use.",
  ),
  resources: field(40, resourceRequirements, "What all its containers together need and may use."),
});
export type PodSpec = ValueOf<typeof podSpec>;
