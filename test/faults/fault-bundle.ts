/**
 * Bundles of the programs under test, each with the preload that can kill it: a program starts three times as fast as
 * from source. Equal to scripts/build.ts but for the entry points.
 */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";

export interface FaultBundle {
  /** agent-process.ts */
  readonly agent: string;
  /** Folder with what the launcher looks for beside itself, in place of `.podwire/`. */
  readonly privateFolder: string;
}

const require = createRequire(import.meta.url);

const nativeKoffi: Plugin = {
  name: "native-koffi",
  setup(context) {
    context.onResolve({ filter: /^koffi$/ }, () => ({ path: "koffi", namespace: "native" }));
    context.onLoad({ filter: /.*/, namespace: "native" }, () => ({
      contents: `import { createRequire } from "node:module";
export default createRequire(__filename)("./koffi.node");`,
    }));
  },
};

const common: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node24",
  absWorkingDir: join(import.meta.dirname, "../.."),
  logLevel: "warning",
  plugins: [nativeKoffi],
};

export async function buildFaultBundle(folder: string): Promise<FaultBundle> {
  mkdirSync(folder, { recursive: true });
  const banner = { js: "const __filename = import.meta.filename;" };
  const source = (name: string): string => join(import.meta.dirname, name);
  await Promise.all([
    build({
      ...common,
      format: "esm",
      banner,
      entryPoints: [source("agent-process.ts")],
      outfile: join(folder, "agent.mjs"),
    }),
    build({
      ...common,
      format: "cjs",
      entryPoints: [source("standalone-process.ts")],
      outfile: join(folder, "cni.cjs"),
    }),
  ]);
  const cache = `import { createRequire, enableCompileCache } from "node:module";
enableCompileCache(import.meta.dirname + "/compile-cache");
`;
  writeFileSync(join(folder, "start-agent.mjs"), `${cache}await import("./agent.mjs");\n`);
  writeFileSync(join(folder, "standalone.mjs"), `${cache}createRequire(import.meta.url)("./cni.cjs");\n`);
  const { platform, arch } = process;
  const packageFile = require.resolve(`@koromix/koffi-${platform}-${arch}/package.json`);
  copyFileSync(join(packageFile, "..", `${platform}_${arch}`, "koffi.node"), join(folder, "koffi.node"));
  symlinkSync(process.execPath, join(folder, "node"));
  return { agent: join(folder, "start-agent.mjs"), privateFolder: folder };
}
