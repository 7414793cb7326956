/** `podwire install` */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { formatPrefix, networkOf, parsePrefix } from "#base/ip-address.ts";
import { pluginTypes } from "#plugins/registry.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { CliError } from "../cli-error.ts";
import { currentBundle } from "../cluster/cluster-programs.ts";
import { CONFLIST_NAME, formatConflist } from "../install/conflist.ts";
import { type InstallOutcome, installFiles } from "../install/install-files.ts";
import { isSourceTree, projectRoot } from "../installation.ts";

interface InstallOptions {
  readonly binDir: string;
  readonly confDir?: string;
  readonly subnet: string;
  readonly replace?: true;
  readonly output?: "json";
  readonly quiet?: true;
}

export function installCommand(): Command {
  return new Command("install")
    .description(
      "Installs the CNI plugins into a folder where a container runtime looks for them: /opt/cni/bin for containerd " +
        "and CRI-O, /usr/lib/cni for Debian's podman. They work alone, and faster while podwire agent runs.",
    )
    .requiredOption("--bin-dir <dir>", "folder of CNI plugins")
    .option("--conf-dir <dir>", `also write ${CONFLIST_NAME} into this folder, such as /etc/cni/net.d`)
    .option("--subnet <prefix>", "addresses of the pods in that configuration", "10.244.0.0/24")
    .option("--replace", "take the place of plugins of others; uninstall puts them back")
    .addOption(new Option("-o, --output <format>", "print what was done as").choices(["json"]))
    .option("-q, --quiet", "print nothing when it succeeds")
    .addHelpText("after", "\nExample:\n  sudo podwire install --bin-dir /opt/cni/bin --conf-dir /etc/cni/net.d")
    .action(run);
}

function run({ binDir, confDir, subnet, replace, output, quiet }: InstallOptions): void {
  const conflist = confDir && {
    path: join(resolve(confDir), CONFLIST_NAME),
    content: formatConflist(parseSubnet(subnet)),
  };
  using bundle = openBundle();
  const outcome = installFiles({
    binDir: resolve(binDir),
    version: packageJson.version,
    bundleFolder: bundle.folder,
    plugins: pluginTypes,
    node: process.execPath,
    ...(conflist && { conflist }),
    onForeign: replace ? "replace" : "refuse",
  });
  if (quiet) return;
  process.stdout.write(output === "json" ? `${JSON.stringify(outcome, undefined, 2)}\n` : describe(outcome, binDir));
}

/** What an installed Podwire lies in, what was made for nodes, or what is made of the source tree for the moment. */
function openBundle(): Disposable & { readonly folder: string } {
  const made = isSourceTree ? currentBundle() : import.meta.dirname;
  if (made !== undefined) return { folder: made, [Symbol.dispose]: () => undefined };
  const folder = join(projectRoot, `build/bundle-${process.pid}`);
  const dispose = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    execFileSync(process.execPath, [join(projectRoot, "scripts/build.ts"), folder], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  } catch (cause) {
    dispose();
    throw new CliError(
      "failed",
      { what: "Cannot bundle the plugins", why: "scripts/build.ts failed, see above" },
      { cause },
    );
  }
  return { folder, [Symbol.dispose]: dispose };
}

function parseSubnet(text: string): string {
  try {
    return formatPrefix(networkOf(parsePrefix(text)));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(
      "usage",
      { what: `Cannot use subnet "${text}"`, why, next: "give one like 10.244.0.0/24" },
      { cause },
    );
  }
}

function describe({ written, unchanged, replaced }: InstallOutcome, binDir: string): string {
  const lines = [
    `${binDir}: ${written.length} files written, ${unchanged.length} unchanged`,
    ...written
      .filter((path) => !path.startsWith("."))
      .map((path) => `  ${path}${replaced.includes(path) ? " (replaced)" : ""}`),
  ];
  return `${lines.join("\n")}\n`;
}
