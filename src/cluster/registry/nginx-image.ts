/**
 * An image of nginx: Debian's program with the libraries it needs, busybox for a shell, and a page on port 80.
 * As in the usual image, its logs go to the container's output, and `nginx -g "daemon off;"` is the command.
 * Source: nginx(8), ld.so(8) (`--list`); paths are those that Debian's nginx is compiled with (`nginx -V`).
 */
import { execFile } from "node:child_process";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type Busybox, busyboxImage, ociArchitecture, PATH } from "../images.ts";
import { type OciImage, ociArchive } from "../oci-archive.ts";
import type { TarEntry } from "../tar.ts";
import { candidateVersion, installedVersion, unpackPackage } from "./debian-package.ts";

const run = promisify(execFile);

export const NGINX_IMAGE = "docker.io/library/nginx:latest";
const PACKAGE = "nginx";
const PROGRAM = "usr/sbin/nginx";

interface Machine {
  /** The program interpreter, where binaries expect it. */
  readonly loader: string;
  readonly libraries: string;
}

const MACHINES: Readonly<Record<string, Machine>> = {
  x64: { loader: "lib64/ld-linux-x86-64.so.2", libraries: "lib/x86_64-linux-gnu" },
  arm64: { loader: "lib/ld-linux-aarch64.so.1", libraries: "lib/aarch64-linux-gnu" },
};

/** What the image is built from: another version makes another image. Undefined when Debian has none. */
export async function nginxVersion(signal: AbortSignal): Promise<string | undefined> {
  return (await installedVersion(PACKAGE, signal)) ?? (await candidateVersion(PACKAGE, signal));
}

/** Downloads what is not installed into a folder below `workDir`, which is removed again. */
export async function buildNginxImage(arch: string, busybox: Busybox, workDir: string, signal: AbortSignal) {
  const machine = MACHINES[arch];
  if (machine === undefined)
    throw new Error(`Cannot build the nginx image for "${arch}": only x64 and arm64 are known`);
  const folder = await mkdtemp(join(workDir, "nginx-"));
  try {
    const isInstalled = (await installedVersion(PACKAGE, signal)) !== undefined;
    const unpacked = join(folder, "root");
    const dependencies = isInstalled ? [] : await unpackPackage(PACKAGE, folder, signal);
    for (const name of dependencies.filter((name) => name.startsWith("lib"))) {
      if ((await installedVersion(name, signal)) === undefined) await unpackPackage(name, folder, signal);
    }
    const program = join(isInstalled ? "/" : unpacked, PROGRAM);
    const libraryDirs = [machine.libraries, `usr/${machine.libraries}`].map((path) => join(unpacked, path));
    const libraries = await findLibraries({ loader: `/${machine.loader}`, libraryDirs, program }, signal);
    const files: TarEntry[] = [
      await fileEntry(PROGRAM, program),
      await fileEntry(machine.loader, `/${machine.loader}`),
      ...(await Promise.all(libraries.map((path) => fileEntry(`${machine.libraries}/${basename(path)}`, path)))),
    ];
    return nginxImage(arch, busybox, files);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `programs`: nginx, the loader and libraries, at their places. */
export function nginxImage(arch: string, busybox: Busybox, programs: readonly TarEntry[]): OciImage {
  const base = busyboxImage(arch, busybox).files.filter(({ path }) => !NOT_FROM_BUSYBOX.includes(path));
  return {
    names: [NGINX_IMAGE],
    architecture: ociArchitecture(arch),
    files: [...base, ...programs, ...CONFIGURATION],
    command: ["nginx", "-g", "daemon off;"],
    environment: [PATH],
    stopSignal: "SIGQUIT",
    exposedPorts: ["80/tcp"],
  };
}

/** Changes whenever the image would, were its programs the same. */
export function nginxRecipe(arch: string): string {
  return ociArchive(nginxImage(arch, { program: Buffer.alloc(0), applets: ["sh", "wget"] }, [])).digest;
}

const NOT_FROM_BUSYBOX: readonly string[] = ["etc/passwd", "etc/group"];

const CONFIGURATION: readonly TarEntry[] = [
  text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnginx:x:101:101:nginx:/nonexistent:/bin/false\n"),
  text("etc/group", "root:x:0:\nnginx:x:101:\n"),
  text(
    "etc/nginx/nginx.conf",
    `user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;

events {
    worker_connections 1024;
}

http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
`,
  ),
  text(
    "etc/nginx/conf.d/default.conf",
    `server {
    listen 80;
    listen [::]:80;
    server_name localhost;

    location / {
        root /usr/share/nginx/html;
        index index.html index.htm;
    }
}
`,
  ),
  text(
    "etc/nginx/mime.types",
    `types {
    text/html html htm;
    text/css css;
    text/plain txt;
    text/xml xml;
    application/javascript js mjs;
    application/json json;
    image/gif gif;
    image/jpeg jpeg jpg;
    image/png png;
    image/svg+xml svg;
}
`,
  ),
  text(
    "usr/share/nginx/html/index.html",
    `<!DOCTYPE html>
<html lang="en">
<head><title>Welcome to nginx!</title></head>
<body>
<h1>Welcome to nginx!</h1>
<p>This page is served by a container.</p>
</body>
</html>
`,
  ),
  { kind: "folder", path: "run" },
  { kind: "folder", path: "var/cache/nginx" },
  { kind: "folder", path: "var/lib/nginx" },
  { kind: "folder", path: "var/log/nginx" },
  { kind: "symlink", path: "var/log/nginx/access.log", target: "/dev/stdout" },
  { kind: "symlink", path: "var/log/nginx/error.log", target: "/dev/stderr" },
];

function text(path: string, content: string): TarEntry {
  return { kind: "file", path, content: Buffer.from(content) };
}

interface LibrarySearch {
  readonly loader: string;
  readonly libraryDirs: readonly string[];
  readonly program: string;
}

/** All that the program needs, and what those need, as the loader would find it. Nothing of the program runs. */
async function findLibraries({ loader, libraryDirs, program }: LibrarySearch, signal: AbortSignal) {
  await access(program);
  const { stdout } = await run(loader, ["--library-path", libraryDirs.join(":"), "--list", program], { signal });
  return librariesOf(stdout);
}

/** Lines are `libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f…)`, or `… => not found`. */
export function librariesOf(listing: string): readonly string[] {
  return listing.split("\n").flatMap((line) => {
    const [, name = "", path = ""] = /^\s*(\S+) => (\S+)/.exec(line) ?? [];
    if (name === "") return [];
    if (path.startsWith("/")) return [path];
    throw new Error(
      `Cannot build the nginx image: library "${name}" is not found on this machine or in Debian's packages`,
    );
  });
}

async function fileEntry(path: string, source: string): Promise<TarEntry> {
  return { kind: "file", path, content: await readFile(source), mode: 0o755 };
}
