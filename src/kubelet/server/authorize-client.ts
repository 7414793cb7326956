/**
 * Who may ask the kubelet: API servers alone, by the name in their client certificate. A certificate of the cluster's
 * authority is not enough: every node and every user has one.
 * Source: Kubernetes documentation, "Kubelet authentication/authorization", "PKI certificates and requirements".
 */
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { Refusal } from "./refusal.ts";

/** As kubeadm and Podwire's control plane name it. */
export const API_SERVER_CLIENTS: readonly string[] = ["kube-apiserver-kubelet-client"];

const SUBRESOURCES: Readonly<Record<string, string>> = { containerLogs: "proxy", logs: "log", stats: "stats" };

/** Throws Refusal. The connection's certificate was verified before. */
export function authorizeClient({ socket, method, url }: IncomingMessage, allowed: readonly string[]): void {
  const name = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
  if (typeof name === "string" && allowed.includes(name)) return;
  const place = (url ?? "/").split(/[/?]/)[1] ?? "";
  const verb = method === "GET" ? "get" : "create";
  const what = `verb=${verb}, resource=nodes, subresource=${SUBRESOURCES[place] ?? "proxy"}`;
  throw new Refusal(403, `Forbidden (user=${typeof name === "string" ? name : "system:anonymous"}, ${what})`);
}
