/** A kubeconfig for one cluster and one user. Source: Kubernetes documentation, "kubeconfig (v1)". */

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { writePrivateFile } from "./key-pair-files.ts";
import type { KeyPair } from "./sign-certificate.ts";

export interface KubeconfigUser {
  /** "https://127.0.0.1:6443" */
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority: string;
  readonly clusterName: string;
  readonly userName: string;
  readonly credentials:
    | { readonly type: "certificate"; readonly pair: KeyPair }
    | { readonly type: "token"; readonly token: string };
}

/** In JSON, which YAML contains: every reader of kubeconfigs takes it, and ours need not load a YAML parser for it. */
export function kubeconfigText({ credentials, ...user }: KubeconfigUser): string {
  const context = `${user.userName}@${user.clusterName}`;
  const secret =
    credentials.type === "token"
      ? { token: credentials.token }
      : {
          "client-certificate-data": base64(credentials.pair.certificate),
          "client-key-data": base64(credentials.pair.key),
        };
  const cluster = { server: user.server, "certificate-authority-data": base64(user.certificateAuthority) };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: user.clusterName, cluster }],
    users: [{ name: user.userName, user: secret }],
    contexts: [{ name: context, context: { cluster: user.clusterName, user: user.userName } }],
    "current-context": context,
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

/** Readable for its owner only; missing folders are made. */
export async function writeKubeconfig(path: string, user: KubeconfigUser): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writePrivateFile(path, kubeconfigText(user));
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
