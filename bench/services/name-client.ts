/** A node's name server as a process of its own, and one client of it. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cluster } from "#api-client/kubeconfig.ts";

const SERVER = "10.96.0.10";
const PORT = 53;
/** A question that is lost, or one that came before the name, is asked again. */
const AGAIN_MS = 50;

export interface NameClient extends Disposable {
  /** Resolves when the name has an address. */
  resolve(name: string): Promise<void>;
}

/** In the namespace of this process, whose loopback is up. `folder` is the caller's. */
export function startNames({ server, ca }: Cluster, folder: string): NameClient {
  const kubeconfig = `${folder}/kubeconfig`;
  const data = Buffer.from(ca ?? "").toString("base64");
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      "current-context": "bench",
      contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
      clusters: [{ name: "bench", cluster: { server, "certificate-authority-data": data } }],
      users: [{ name: "bench", user: {} }],
    }),
  );
  const program = fileURLToPath(new URL("../../src/cli/entry.ts", import.meta.url));
  const child = spawn(process.execPath, [program, "dns", "-q", "--kubeconfig", kubeconfig, "--address", SERVER], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, PODWIRE_RUN_DIR: folder, PODWIRE_STATE_DIR: folder },
  });
  const lookup = (host: string, _options: unknown, callback: (error: null, address: string, family: number) => void) =>
    callback(null, host, 4);
  const socket = createSocket({ type: "udp4", lookup });
  socket.on("error", () => undefined); // nobody listens yet
  let number = 0;
  let heard: (answer: Buffer) => void = () => undefined;
  socket.on("message", (answer) => heard(answer));
  return {
    async resolve(name) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const ask = (): void => {
        number = (number + 1) & 0xffff;
        socket.send(question(number, name), PORT, SERVER, () => undefined);
      };
      heard = (answer) => {
        if (answer.readUInt16BE(0) !== number) return;
        if (answer.readUInt16BE(6) > 0) resolve();
        else ask();
      };
      ask();
      const timer = setInterval(ask, AGAIN_MS);
      await promise;
      clearInterval(timer);
    },
    [Symbol.dispose]() {
      socket.close();
      child.kill("SIGKILL");
    },
  };
}

/** Of type A, as RFC 1035 section 4 has it. */
function question(id: number, name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  const bytes = Buffer.concat([
    Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels,
    Buffer.from([0, 0, 1, 0, 1]),
  ]);
  bytes.writeUInt16BE(id, 0);
  return bytes;
}
