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

/** YAML; strings are quoted as JSON does it, which YAML reads the same. */
export function kubeconfigText(user: KubeconfigUser): string {
  const { server, clusterName, userName, credentials } = user;
  const quote = JSON.stringify;
  const secret =
    credentials.type === "token"
      ? [`    token: ${quote(credentials.token)}`]
      : [
          `    client-certificate-data: ${base64(credentials.pair.certificate)}`,
          `    client-key-data: ${base64(credentials.pair.key)}`,
        ];
  const lines = [
    "apiVersion: v1",
    "kind: Config",
    "clusters:",
    `- name: ${quote(clusterName)}`,
    "  cluster:",
    `    server: ${quote(server)}`,
    `    certificate-authority-data: ${base64(user.certificateAuthority)}`,
    "users:",
    `- name: ${quote(userName)}`,
    "  user:",
    ...secret,
    "contexts:",
    `- name: ${quote(`${userName}@${clusterName}`)}`,
    "  context:",
    `    cluster: ${quote(clusterName)}`,
    `    user: ${quote(userName)}`,
    `current-context: ${quote(`${userName}@${clusterName}`)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Readable for its owner only; missing folders are made. */
export async function writeKubeconfig(path: string, user: KubeconfigUser): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writePrivateFile(path, kubeconfigText(user));
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
