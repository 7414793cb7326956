/**
 * Every pod runs as a service account: "default" where it names none. Its containers get the account's token, renewed
 * by the kubelet, with the cluster's CA and the namespace's name beside it, where they read it by convention.
 * Source: Kubernetes documentation, "Configure Service Accounts for Pods" and "Managing Service Accounts" (bound
 * service account token volume).
 */
import { forbiddenError } from "#api/api-error.ts";
import type { Kind } from "#api/kind.ts";
import type { Container } from "#api/kinds/pod/container.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { Volume } from "#api/kinds/pod/volume.ts";
import { type ServiceAccount, serviceAccount } from "#api/kinds/service-account.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { randomSuffix } from "../resources/generate-name.ts";
import { asKind } from "../resources/stored-object.ts";
import type { AdmissionRequest, AdmissionRule } from "./admission.ts";
import { findObject } from "./find-object.ts";
import { waitForObject } from "./wait-for-object.ts";

export interface PodServiceAccountDeps {
  readonly caches: (kind: Kind) => WatchCache;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** How long the account "default" of a new namespace is waited for, as a controller makes it. */
  readonly defaultAccountWaitMs: number;
}

const DEFAULT = "default";
const VOLUME_PREFIX = "kube-api-access-";
const MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
/** An hour and 7 seconds: Kubernetes tells by it the tokens that it put there itself. */
const TOKEN_SECONDS = 3607;
/** rw-r--r-- */
const FILE_MODE = 0o644;

export function podServiceAccount(deps: PodServiceAccountDeps): AdmissionRule {
  return {
    handles: ({ operation, kind, subresource }) =>
      operation === "create" && kind.group === "" && kind.plural === podKind.plural && subresource === "",
    async admit(request) {
      const pod = asKind(podKind, request.object);
      const name = pod.spec.serviceAccountName || DEFAULT;
      const account = await findAccount(deps, request, name);
      if (account === undefined) throw missingAccountError(request, name);
      return withServiceAccount(pod, account, deps.random);
    },
  };
}

async function findAccount(
  { caches, defaultAccountWaitMs }: PodServiceAccountDeps,
  { target, context }: AdmissionRequest,
  name: string,
): Promise<ServiceAccount | undefined> {
  const place = { kind: serviceAccount, namespace: target.namespace, name };
  const found = await findObject(caches, place, context.signal);
  if (found !== undefined || name !== DEFAULT || defaultAccountWaitMs === 0) return found;
  return await waitForObject(caches, place, { timeoutMs: defaultAccountWaitMs, signal: context.signal });
}

function missingAccountError({ target, object }: AdmissionRequest, name: string) {
  const { metadata } = object;
  const why = `error looking up service account ${target.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
  return forbiddenError(target.kind, metadata.name ?? metadata.generateName ?? "", why);
}

/** The pod as it runs with the account. */
export function withServiceAccount(pod: Pod, account: ServiceAccount, random: () => number): Pod {
  const { spec } = pod;
  const name = account.metadata.name ?? DEFAULT;
  const { imagePullSecrets = [] } = spec;
  const named: PodSpec = {
    ...spec,
    serviceAccountName: name,
    serviceAccount: name,
    ...(imagePullSecrets.length === 0 &&
      account.imagePullSecrets !== undefined && { imagePullSecrets: account.imagePullSecrets }),
  };
  const mounts = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  return { ...pod, spec: mounts ? withToken(named, random) : named };
}

function withToken(spec: PodSpec, random: () => number): PodSpec {
  const { volumes = [], containers = [], initContainers } = spec;
  const existing = volumes.find(({ name = "" }) => name.startsWith(VOLUME_PREFIX));
  const volumeName = existing?.name ?? unusedName(volumes, random);
  const mounted = containers.map((container) => withMount(container, volumeName));
  const mountedFirst = initContainers?.map((container) => withMount(container, volumeName));
  const isUsed =
    mounted.some((container, index) => container !== containers[index]) ||
    (mountedFirst ?? []).some((container, index) => container !== initContainers?.[index]);
  if (!isUsed) return spec;
  return {
    ...spec,
    volumes: existing === undefined ? [...volumes, tokenVolume(volumeName)] : volumes,
    ...(spec.containers !== undefined && { containers: mounted }),
    ...(mountedFirst !== undefined && { initContainers: mountedFirst }),
  };
}

function unusedName(volumes: readonly Volume[], random: () => number): string {
  for (;;) {
    const name = `${VOLUME_PREFIX}${randomSuffix(random)}`;
    if (!volumes.some((volume) => volume.name === name)) return name;
  }
}

function withMount(container: Container, name: string): Container {
  const { volumeMounts = [] } = container;
  if (volumeMounts.some(({ mountPath }) => mountPath === MOUNT_PATH)) return container;
  return { ...container, volumeMounts: [...volumeMounts, { name, readOnly: true, mountPath: MOUNT_PATH }] };
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
      defaultMode: FILE_MODE,
    },
  };
}
