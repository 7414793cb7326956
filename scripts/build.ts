/**
 * Bundles what runs outside the source tree: the one-shot plugin process (standalone.mjs, cni.cjs) and the command
 * line (podwire, podwire.cjs, main.cjs, a file for each program that a cluster starts, the udp proxy's thread, and packages
 * that are needed now and then), with koffi's native module and the native launcher beside them.
 * `node scripts/build.ts [FOLDER]`, by default build/bundle; `podwire install` copies such a folder.
 * `standalone.mjs` switches on Node's compile cache; `podwire.cjs` keeps a better one, see src/cli/start-bundle.ts.
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

/** CommonJS that has `names` of what `load` gives, which happens at the first use of one of them. */
function exportsAtFirstUse(names: readonly string[], load: string): string {
  // The function itself from the first use on: looking for the module each time costs more than many of them do.
  return `for (const key of ${JSON.stringify(names)})
  Object.defineProperty(exports, key, { enumerable: true, configurable: true, get() {
    const value = ${load}[key];
    Object.defineProperty(exports, key, { enumerable: true, value });
    return value;
  } });`;
}

/**
 * Each of Node's modules takes milliseconds to load, and much of the code needs few of them: loaded at first use. An
 * `import` in an ES module would not only load them but read everything that they export, fetch and WebSocket too.
 */
function lazyBuiltins(filter: RegExp): Plugin {
  return {
    name: "lazy-builtins",
    setup(context) {
      context.onResolve({ filter }, ({ path }) => ({ path, namespace: "lazy" }));
      context.onLoad({ filter: /.*/, namespace: "lazy" }, ({ path }) => ({
        contents: exportsAtFirstUse(Object.keys(require(path)), `process.getBuiltinModule("${path}")`),
      }));
    },
  };
}

/** Large, and needed by few commands: a file for each, which is loaded at first use. */
const APART: Readonly<Record<string, string>> = {
  "@grpc/grpc-js": "grpc.cjs",
  yaml: "yaml.cjs",
};

const packagesApart: Plugin = {
  name: "packages-apart",
  setup(context) {
    context.onResolve({ filter: /./ }, ({ path, namespace }) => {
      if (namespace === "apart") return { path, external: true };
      return path in APART ? { path, namespace: "apart" } : undefined;
    });
    context.onLoad({ filter: /.*/, namespace: "apart" }, ({ path }) => ({
      contents: exportsAtFirstUse(Object.keys(require(path)), `require("./${APART[path]}")`),
    }));
  },
};

/** Commands that only the source tree has: main.ts does not offer them here. */
const sourceOnly: Plugin = {
  name: "source-only",
  setup(context) {
    context.onResolve({ filter: /^\.\/commands\/(test|bench|demo|lab)\.ts$/ }, ({ path }) => ({
      path,
      external: true,
    }));
  },
};

const common: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node24",
  absWorkingDir: root,
  logLevel: "warning",
  format: "cjs",
  // Names stay readable in stack traces.
  minifyWhitespace: true,
};

/** CommonJS: Node's ES module loader costs a fifth of the start-up. */
function buildPlugins(): Promise<unknown> {
  const builtins = /^node:(child_process|crypto|events|net|os|stream\/consumers|timers\/promises|util)$/;
  return build({
    ...common,
    entryPoints: ["src/agent/standalone-entry.ts"],
    outfile: join(folder, "cni.cjs"),
    plugins: [nativeKoffi, lazyBuiltins(builtins)],
  });
}

/** Commands that a cluster's start waits for: Node loads a third of the whole in half the time. */
const PROGRAMS = ["up", "keep-cluster", "control-plane", "kubelet", "agent", "dns"];

/** Of all commands, this one is taken in. */
function onlyCommand(name: string): Plugin {
  return {
    name: "only-command",
    setup(context) {
      context.onResolve({ filter: /^\.\/commands\/[a-z-]+\.ts$/ }, ({ path }) =>
        path === `./commands/${name}.ts` ? undefined : { path, external: true },
      );
    },
  };
}

function buildCommandLine(name: string, commands: Plugin): Promise<unknown> {
  return build({
    ...common,
    entryPoints: ["src/cli/main.ts"],
    outfile: join(folder, `${name}.cjs`),
    define: {
      "import.meta.dirname": "__dirname",
      "import.meta.filename": "__filename",
      // Only where a file of the source tree is named, which a bundle never asks for.
      "import.meta.url": "__filename",
    },
    plugins: [nativeKoffi, commands, packagesApart, lazyBuiltins(/^node:/)],
  });
}

function buildStart(): Promise<unknown> {
  return build({
    ...common,
    entryPoints: ["src/cli/start-bundle.ts"],
    outfile: join(folder, "podwire.cjs"),
    define: { PROGRAMS: JSON.stringify(PROGRAMS) },
  });
}

/** The thread of the agent's udp back end; start-network.ts looks for it beside the command line. */
function buildProxyWorker(): Promise<unknown> {
  return build({
    ...common,
    entryPoints: ["src/dataplane/udp/proxy-worker.ts"],
    outfile: join(folder, "udp-proxy-worker.cjs"),
    plugins: [nativeKoffi],
  });
}

function buildPackages(): Promise<unknown> {
  const bundles = Object.entries(APART).map(([name, file]) =>
    build({
      ...common,
      stdin: { contents: `module.exports = require(${JSON.stringify(name)});`, resolveDir: root },
      outfile: join(folder, file),
    }),
  );
  return Promise.all(bundles);
}

const STANDALONE = `import { createRequire, enableCompileCache } from "node:module";
enableCompileCache(import.meta.dirname + "/compile-cache");
createRequire(import.meta.url)("./cni.cjs");
`;

const SHELL = `#!/bin/sh
self=$(readlink -f -- "$0")
exec "\${self%/*}/node" --disable-warning=ExperimentalWarning "\${self%/*}/podwire.cjs" "$@"
`;

/** The build for glibc: Node's own binaries need it as well. */
function koffiModule(): string {
  const { platform, arch } = process;
  const packageFile = require.resolve(`@koromix/koffi-${platform}-${arch}/package.json`);
  return join(packageFile, "..", `${platform}_${arch}`, "koffi.node");
}

mkdirSync(folder, { recursive: true });
await Promise.all([
  buildPlugins(),
  buildCommandLine("main", sourceOnly),
  ...PROGRAMS.map((name) => buildCommandLine(name, onlyCommand(name))),
  buildStart(),
  buildProxyWorker(),
  buildPackages(),
]);
writeFileSync(join(folder, "standalone.mjs"), STANDALONE);
writeFileSync(join(folder, "podwire"), SHELL, { mode: 0o755 });
copyFileSync(koffiModule(), join(folder, "koffi.node"));
copyFileSync(join(root, "build/native/cni-launcher"), join(folder, "cni-launcher"));
