/** Runs iptables-restore and iptables-save, of both families, as children of this process. */
import { execFile } from "node:child_process";
import type { Family } from "#base/ip-address.ts";

export interface IptablesCommands {
  /** All lines or none, per table; chains that are not named stay as they are. Equal to `iptables-restore --noflush`. */
  restore(family: Family, input: string): Promise<void>;
  save(family: Family, table: "nat" | "filter"): Promise<string>;
}

export class IptablesError extends Error {
  override readonly name = "IptablesError";
}

const PROGRAMS: Readonly<Record<Family, string>> = { 4: "iptables", 6: "ip6tables" };
const OUTPUT_BYTES = 1024 * 1024 * 1024;
/** For the lock of xtables, which others may hold. */
const LOCK_SECONDS = "5";

/** `enter`: a command that runs its arguments in the node's namespace; none in the node's own process. */
export function createIptablesCommands(enter: readonly string[] = []): IptablesCommands {
  const run = (argv: readonly string[], input: string): Promise<string> => {
    const [program = "", ...args] = [...enter, ...argv];
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const child = execFile(program, args, { maxBuffer: OUTPUT_BYTES, encoding: "utf8" }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else
        reject(new IptablesError(`Cannot run ${argv.join(" ")}: ${stderr.trim() || error.message}`, { cause: error }));
    });
    child.stdin?.on("error", () => undefined); // its exit status says why it reads no more
    child.stdin?.end(input);
    return promise;
  };
  return {
    async restore(family, input) {
      await run([`${PROGRAMS[family]}-restore`, "-w", LOCK_SECONDS, "--noflush"], input);
    },
    save: (family, table) => run([`${PROGRAMS[family]}-save`, "-t", table], ""),
  };
}
