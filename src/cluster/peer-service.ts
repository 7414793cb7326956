/**
 * A service that tells each client the address it sees: what address translation did on the way shows at its end.
 * In pods it is busybox's httpd with one script; elsewhere Node's. Both answer the same words.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { execInPod, type Pod } from "./pod.ts";

const PORT = 80;

/** What the service `name` answers to whom it sees as `peer`. */
export function peerAnswer(name: string, peer: string): string {
  return `you are ${peer}, I am ${name}\n`;
}

/** busybox's httpd runs cgi-bin/index.cgi for "/"; it goes into the background when it listens. */
const POD_SCRIPT = `set -e
mkdir -p /www/cgi-bin
cat >/www/cgi-bin/index.cgi <<'EOF'
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\nyou are %s, I am %s\\n' "$REMOTE_ADDR" "$(hostname)"
EOF
chmod +x /www/cgi-bin/index.cgi
httpd -p 0.0.0.0:${PORT} -h /www`;

/** Resolves when it listens on port 80 of the pod; its name is the pod's host name. */
export async function startPodService(pod: Pod, signal: AbortSignal): Promise<void> {
  const { code, stderr, stdout } = await execInPod(pod, ["sh", "-c", POD_SCRIPT], signal);
  if (code !== 0) throw new Error(`Cannot start the service of pod "${pod.name}": ${(stderr + stdout).trim()}`);
}

/** Listens on port 80 of a network namespace, served by this process. */
export function startNetnsService(netns: Netns, name: string): AsyncDisposable {
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "text/plain", connection: "close" });
    response.end(peerAnswer(name, plainAddress(request.socket.remoteAddress ?? "")));
  });
  // A socket belongs to the namespace it is made in. Without a host name to look up, `listen` makes it at once.
  inNetns(netns, () => server.listen(PORT));
  if (!server.listening) throw new Error(`Cannot listen on port ${PORT} of "${netns.path}"`);
  return { [Symbol.asyncDispose]: () => close(server) };
}

/** Arguments that ask the service at `url`, in a pod or anywhere else. wget's own -T crashes Debian's static busybox. */
export function askService(url: string): readonly string[] {
  return ["timeout", "5", "busybox", "wget", "-q", "-O", "-", url];
}

/** A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, "");
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
