/**
 * What every namespace has from its start: the account that pods run as by default, and the CA by which they know the
 * API server. Source: Kubernetes documentation, "Managing Service Accounts".
 */
import type { ConfigMap } from "#api/kinds/config-map.ts";
import type { Namespace } from "#api/kinds/namespace.ts";
import type { ServiceAccount } from "#api/kinds/service-account.ts";
import type { Draft } from "#api-client/api-client.ts";
import { sameJson } from "../same-json.ts";

export const DEFAULT_ACCOUNT = "default";
export const ROOT_CA_NAME = "kube-root-ca.crt";

const DESCRIPTION = "kubernetes.io/description";
const DESCRIPTION_TEXT =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

export interface NamespaceDefaults {
  readonly namespace: Namespace | undefined;
  readonly account: ServiceAccount | undefined;
  readonly rootCa: ConfigMap | undefined;
  /** PEM. */
  readonly caCertificate: string;
}

export interface NamespaceDefaultsPlan {
  readonly createAccount?: Draft<ServiceAccount>;
  readonly createRootCa?: Draft<ConfigMap>;
  readonly updateRootCa?: ConfigMap;
}

export function planNamespaceDefaults(found: NamespaceDefaults): NamespaceDefaultsPlan {
  const { namespace, account, rootCa, caCertificate } = found;
  if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return {};
  const { name: inNamespace = "" } = namespace.metadata;
  const data = { "ca.crt": caCertificate };
  const annotations = { [DESCRIPTION]: DESCRIPTION_TEXT };
  const isRight =
    rootCa !== undefined && sameJson(rootCa.data, data) && rootCa.metadata.annotations?.[DESCRIPTION] !== undefined;
  return {
    ...(account === undefined && {
      createAccount: { metadata: { name: DEFAULT_ACCOUNT, namespace: inNamespace } },
    }),
    ...(rootCa === undefined && {
      createRootCa: { metadata: { name: ROOT_CA_NAME, namespace: inNamespace, annotations }, data },
    }),
    ...(rootCa !== undefined &&
      !isRight && {
        updateRootCa: {
          ...rootCa,
          metadata: { ...rootCa.metadata, annotations: { ...rootCa.metadata.annotations, ...annotations } },
          data,
        },
      }),
  };
}
