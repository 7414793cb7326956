/**
 * Bundles what runs outside the source tree: the one-shot plugin process (standalone.mjs, cni.cjs) and the command
 * line with the agent (podwire, podwire.mjs, main.mjs), with koffi's native module and the native launcher beside
 * them. `node scripts/build.ts [FOLDER]`, by default build/bundle; `podwire install` copies such a folder.
 * Start files only switch on Node's compile cache, in a folder beside themselves, and load the real bundle.
 */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";

const root = join(import.meta.dirname, "..");
const folder = resolve(process.argv[2] ?? join(root, "build/bundle"));
const require = createRequire(import.meta.url);

/** koffi's own entry looks for its native module in a dozen places; the bundle knows where it is. */
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

/** Most verbs need none of these modules of Node's, and each takes milliseconds to load: loaded at first use. */
const lazyBuiltins: Plugin = {
  name: "lazy-builtins",
  setup(context) {
    const filter = /^node:(child_process|crypto|events|net|os|stream\/consumers|timers\/promises|util)$/;
    context.onResolve({ filter }, ({ path }) => ({ path, namespace: "lazy" }));
    context.onLoad({ filter: /.*/, namespace: "lazy" }, ({ path }) => ({
      contents: `for (const key of ${JSON.stringify(Object.keys(require(path)))})
  Object.defineProperty(exports, key, { enumerable: true, get: () => process.getBuiltinModule("${path}")[key] });`,
    }));
  },
};

/** Commands that only the source tree has: main.ts does not offer them here. */
const sourceOnly: Plugin = {
  name: "source-only",
  setup(context) {
    context.onResolve({ filter: /^\.\/commands\/(test|bench|demo)\.ts$/ }, ({ path }) => ({ path, external: true }));
  },
};

const common: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node24",
  absWorkingDir: root,
  logLevel: "warning",
  // Names stay readable in stack traces.
  minifyWhitespace: true,
};

/** CommonJS: Node's ES module loader costs a fifth of the start-up. */
function buildPlugins(): Promise<unknown> {
  return build({
    ...common,
    format: "cjs",
    entryPoints: ["src/agent/standalone-entry.ts"],
    outfile: join(folder, "cni.cjs"),
    plugins: [nativeKoffi, lazyBuiltins],
  });
}

/** ES modules, for top-level await; some dependencies are CommonJS and call `require`. */
function buildCommandLine(): Promise<unknown> {
  const js = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url), __filename = import.meta.filename;`;
  return build({
    ...common,
    format: "esm",
    entryPoints: ["src/cli/main.ts"],
    outfile: join(folder, "main.mjs"),
    banner: { js },
    plugins: [nativeKoffi, sourceOnly],
  });
}

const STANDALONE = `import { createRequire, enableCompileCache } from "node:module";
enableCompileCache(import.meta.dirname + "/compile-cache");
createRequire(import.meta.url)("./cni.cjs");
`;

const COMMAND_LINE = `import { enableCompileCache } from "node:module";
enableCompileCache(import.meta.dirname + "/compile-cache");
const { main } = await import("./main.mjs");
process.exitCode = await main(process.argv.slice(2));
`;

const SHELL = `#!/bin/sh
self=$(readlink -f -- "$0")
exec "\${self%/*}/node" --disable-warning=ExperimentalWarning "\${self%/*}/podwire.mjs" "$@"
`;

/** The build for glibc: Node's own binaries need it as well. */
function koffiModule(): string {
  const { platform, arch } = process;
  const packageFile = require.resolve(`@koromix/koffi-${platform}-${arch}/package.json`);
  return join(packageFile, "..", `${platform}_${arch}`, "koffi.node");
}

mkdirSync(folder, { recursive: true });
await Promise.all([buildPlugins(), buildCommandLine()]);
writeFileSync(join(folder, "standalone.mjs"), STANDALONE);
writeFileSync(join(folder, "podwire.mjs"), COMMAND_LINE);
writeFileSync(join(folder, "podwire"), SHELL, { mode: 0o755 });
copyFileSync(koffiModule(), join(folder, "koffi.node"));
copyFileSync(join(root, "build/native/cni-launcher"), join(folder, "cni-launcher"));
