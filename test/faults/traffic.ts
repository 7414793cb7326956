/** Proof that a pod is connected: to the world outside, to other pods, and from outside by its host port. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";
import { POD_PORT } from "./networks.ts";
import type { ProbeAnswer, ProbeRequest } from "./prober.ts";

export interface Prober extends Disposable {
  /** What the server there says, or why it says nothing. */
  ask(host: string, port: number): Promise<string>;
}

export async function startProber(netns: Netns, name: string): Promise<Prober> {
  const program = fileURLToPath(new URL("./prober.ts", import.meta.url));
  const child = inNetns(netns, () => fork(program, [name]));
  await once(child, "message");
  const waiting = new Map<number, (said: string) => void>();
  child.on("message", ({ id, said }: ProbeAnswer) => {
    waiting.get(id)?.(said);
    waiting.delete(id);
  });
  let lastId = 0;
  return {
    ask(host, port) {
      lastId += 1;
      const request: ProbeRequest = { id: lastId, host, port };
      const { promise, resolve } = Promise.withResolvers<string>();
      waiting.set(request.id, resolve);
      child.send(request);
      return promise;
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

/** Who should be reached, from where, and what it has to say. */
export interface Path {
  readonly from: Prober;
  readonly host: string;
  readonly port?: number;
  readonly says: RegExp;
}

/** One line for each path that does not lead there. */
export async function findBrokenPaths(paths: readonly Path[]): Promise<readonly string[]> {
  const answers = paths.map(async ({ from, host, port = POD_PORT, says }) => {
    const said = await from.ask(host, port);
    return says.test(said) ? [] : [`${host} port ${port} says "${said}", not ${says}`];
  });
  return (await Promise.all(answers)).flat();
}
