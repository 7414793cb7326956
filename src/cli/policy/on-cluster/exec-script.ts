/**
 * Runs a shell script in a pod's container and answers what it prints, as `kubectl exec -i … -- sh` does.
 * Source: the WebSocket subprotocols v5.channel.k8s.io and v4.channel.k8s.io of Kubernetes.
 */
import { WebSocket } from "ws";
import type { Cluster } from "#api-client/kubeconfig.ts";

const CHANNELS = { stdin: 0, stdout: 1, status: 3 } as const;
const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
/** Its end is in the script: the older protocol cannot close the input. */
const END = "\nexit 0\n";

export async function execScript(
  cluster: Cluster,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  script: string,
  signal: AbortSignal,
): Promise<string> {
  const token = await cluster.token?.();
  const { server, ca, certificate: cert, key, tlsServerName: servername } = cluster;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/exec?command=sh&stdin=true&stdout=true&container=main`;
  const socket = new WebSocket(server.replace(/^http/, "ws").replace(/\/$/, "") + path, PROTOCOLS, {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const printed: Buffer[] = [];
  let status = "";
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  socket.on("open", () => socket.send(Buffer.concat([Buffer.of(CHANNELS.stdin), Buffer.from(script + END)])));
  socket.on("message", (data: Buffer) => {
    if (data[0] === CHANNELS.stdout) printed.push(data.subarray(1));
    if (data[0] === CHANNELS.status) status += data.subarray(1).toString();
  });
  socket.on("error", reject);
  socket.on("close", () => {
    if (/"status":\s*"Success"/.test(status)) resolve(Buffer.concat(printed).toString());
    else reject(new Error(`Cannot run a script in pod ${namespace}/${name}: ${status || "the connection ended"}`));
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    socket.terminate();
  }
}
