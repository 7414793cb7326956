/** What the API server's certificate is good for. */
import type { Listen } from "../http/start-listener.ts";

const CLUSTER_NAMES = [
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
];

/** What the API server's certificate covers, when it listens there. */
export function serverNamesOf({ host }: Listen, others: readonly string[]): readonly string[] {
  const isWildcard = host === "0.0.0.0" || host === "::";
  return [...new Set([...(isWildcard ? [] : [host]), "127.0.0.1", "::1", ...CLUSTER_NAMES, ...others])];
}
