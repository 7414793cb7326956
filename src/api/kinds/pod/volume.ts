/**
 * Volumes of pods; kinds of storage that belong to one vendor are left out. Source: Kubernetes API reference,
 * core/v1 Volume; modes as the API server sets them.
 */
import { localObjectReference } from "../../meta/object-reference.ts";
import { checkDnsLabel } from "../../names.ts";
import {
  any,
  boolean,
  field,
  int32Between,
  int64,
  list,
  mapOf,
  object,
  oneOf,
  quantity,
  string,
  stringOf,
  type ValueOf,
} from "../../schema/schema.ts";
import { objectFieldSelector, resourceFieldSelector } from "./env.ts";
import { pullPolicy } from "./image.ts";

/** rw-r--r-- */
const DEFAULT_MODE = 0o644;
const mode = int32Between(0, 0o777);

const keyToPath = object("io.k8s.api.core.v1.KeyToPath", "Which key becomes which file.", {
  key: field(1, string, "Key to show.", { required: true }),
  path: field(2, string, "Relative path of the file, without '..'.", { required: true }),
  mode: field(3, mode, "Mode of the file; by default the volume's.", { pointer: true }),
});

const downwardApiVolumeFile = object("io.k8s.api.core.v1.DownwardAPIVolumeFile", "A file with a field of the pod.", {
  path: field(1, string, "Relative path of the file, without '..'.", { required: true }),
  fieldRef: field(2, objectFieldSelector, "A field of the pod."),
  resourceFieldRef: field(3, resourceFieldSelector, "A limit or a request of a container."),
  mode: field(4, mode, "Mode of the file; by default the volume's.", { pointer: true }),
});

const items = list(keyToPath);
const itemsDoc = "Keys to show; by default all, each as a file of its name.";
const optionalDoc = "True: it and its keys need not exist.";
const defaultModeDoc = "Mode of files that have none of their own.";

const secretProjection = object("io.k8s.api.core.v1.SecretProjection", "Files from a Secret.", {
  name: field([1, 1], string, "Name of the Secret.", { default: "" }),
  items: field(2, items, itemsDoc),
  optional: field(4, boolean, optionalDoc, { pointer: true }),
});

const configMapProjection = object("io.k8s.api.core.v1.ConfigMapProjection", "Files from a ConfigMap.", {
  name: field([1, 1], string, "Name of the ConfigMap.", { default: "" }),
  items: field(2, items, itemsDoc),
  optional: field(4, boolean, optionalDoc, { pointer: true }),
});

const downwardApiProjection = object("io.k8s.api.core.v1.DownwardAPIProjection", "Files with fields of the pod.", {
  items: field(1, list(downwardApiVolumeFile), "The files."),
});

const serviceAccountTokenProjection = object(
  "io.k8s.api.core.v1.ServiceAccountTokenProjection",
  "A token of the pod's service account, renewed before it expires.",
  {
    audience: field(1, string, "Who the token is for; by default the API server."),
    expirationSeconds: field(2, int64, "How long it is good for; at least 600.", { default: 3600, pointer: true }),
    path: field(3, string, "Relative path of the file.", { required: true }),
  },
);

const volumeProjection = object("io.k8s.api.core.v1.VolumeProjection", "One source of files; one of these.", {
  secret: field(1, secretProjection, "A Secret."),
  downwardAPI: field(2, downwardApiProjection, "Fields of the pod."),
  configMap: field(3, configMapProjection, "A ConfigMap."),
  serviceAccountToken: field(4, serviceAccountTokenProjection, "A token of the pod's service account."),
});

const hostPath = object("io.k8s.api.core.v1.HostPathVolumeSource", "A file or directory of the node.", {
  path: field(1, string, "Path on the node.", { required: true }),
  type: field(
    2,
    oneOf("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"),
    "What must be there, or is made; empty: no check.",
    { default: "", pointer: true },
  ),
});

const emptyDir = object("io.k8s.api.core.v1.EmptyDirVolumeSource", "A directory that lives as long as the pod.", {
  medium: field(1, string, "Memory for a tmpfs; empty for the node's disk."),
  sizeLimit: field(2, quantity, "The most it may hold.", { pointer: true }),
});

const secretVolume = object("io.k8s.api.core.v1.SecretVolumeSource", "Files from a Secret.", {
  secretName: field(1, string, "Name of the Secret."),
  items: field(2, items, itemsDoc),
  defaultMode: field(3, mode, defaultModeDoc, { default: DEFAULT_MODE, pointer: true }),
  optional: field(4, boolean, optionalDoc, { pointer: true }),
});

const configMapVolume = object("io.k8s.api.core.v1.ConfigMapVolumeSource", "Files from a ConfigMap.", {
  name: field([1, 1], string, "Name of the ConfigMap.", { default: "" }),
  items: field(2, items, itemsDoc),
  defaultMode: field(3, mode, defaultModeDoc, { default: DEFAULT_MODE, pointer: true }),
  optional: field(4, boolean, optionalDoc, { pointer: true }),
});

const downwardApiVolume = object("io.k8s.api.core.v1.DownwardAPIVolumeSource", "Files with fields of the pod.", {
  items: field(1, list(downwardApiVolumeFile), "The files."),
  defaultMode: field(2, mode, defaultModeDoc, { default: DEFAULT_MODE, pointer: true }),
});

const projectedVolume = object("io.k8s.api.core.v1.ProjectedVolumeSource", "Files from several sources.", {
  sources: field(1, list(volumeProjection), "The sources."),
  defaultMode: field(2, mode, defaultModeDoc, { default: DEFAULT_MODE, pointer: true }),
});

const claimVolume = object("io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource", "A claimed volume.", {
  claimName: field(1, string, "Name of the claim, in the pod's namespace.", { required: true }),
  readOnly: field(2, boolean, "True: no container can write to it."),
});

const nfsVolume = object("io.k8s.api.core.v1.NFSVolumeSource", "A directory of an NFS server.", {
  server: field(1, string, "Name or address of the server.", { required: true }),
  path: field(2, string, "Exported path.", { required: true }),
  readOnly: field(3, boolean, "True: no container can write to it."),
});

const csiVolume = object("io.k8s.api.core.v1.CSIVolumeSource", "A volume that a CSI driver makes for the pod.", {
  driver: field(1, string, "Name of the driver.", { required: true }),
  readOnly: field(2, boolean, "True: no container can write to it.", { pointer: true }),
  fsType: field(3, string, "File system; by default the driver's choice.", { pointer: true }),
  volumeAttributes: field(4, mapOf(string), "Settings for the driver."),
  nodePublishSecretRef: field(5, localObjectReference, "Secret for the driver."),
});

const ephemeralVolume = object("io.k8s.api.core.v1.EphemeralVolumeSource", "A claim made for the pod.", {
  volumeClaimTemplate: field(1, any, "The claim that is made; it is deleted with the pod."),
});

const imageVolume = object("io.k8s.api.core.v1.ImageVolumeSource", "Files of an image.", {
  reference: field(1, string, "Name of the image."),
  pullPolicy: field(2, pullPolicy, "When the image is pulled."),
});

export const volume = object("io.k8s.api.core.v1.Volume", "Files that containers of a pod can mount.", {
  name: field(1, stringOf(checkDnsLabel), "Name of the volume, unique in the pod.", { required: true }),
  hostPath: field([2, 1], hostPath, "A file or directory of the node."),
  emptyDir: field([2, 2], emptyDir, "A directory that lives as long as the pod; what a volume is by default.", {
    default: (parent) => (hasOnlyName(parent) ? {} : undefined),
  }),
  secret: field([2, 6], secretVolume, "A Secret."),
  nfs: field([2, 7], nfsVolume, "A directory of an NFS server."),
  persistentVolumeClaim: field([2, 10], claimVolume, "A claimed volume."),
  downwardAPI: field([2, 16], downwardApiVolume, "Fields of the pod."),
  configMap: field([2, 19], configMapVolume, "A ConfigMap."),
  projected: field([2, 26], projectedVolume, "Several sources in one directory."),
  csi: field([2, 28], csiVolume, "A volume that a CSI driver makes for the pod."),
  ephemeral: field([2, 29], ephemeralVolume, "A claim made for the pod."),
  image: field([2, 30], imageVolume, "Files of an image."),
});
export type Volume = ValueOf<typeof volume>;

function hasOnlyName(parent: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(parent).every((name) => name === "name" || parent[name] === undefined || parent[name] === null);
}
