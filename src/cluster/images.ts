/**
 * Container images that need no registry: pause (a program of our own) and busybox (Debian's static build).
 * They are kept as files named by digest in a cache folder; building anew gives the same digests.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type OciImage, ociArchive } from "./oci-archive.ts";
import { pauseProgram } from "./pause.ts";
import type { TarEntry } from "./tar.ts";

export interface ImageFile {
  readonly names: readonly string[];
  /** Digest of the manifest, `sha256:…`. */
  readonly digest: string;
  /** An OCI archive, for `ctr images import`. */
  readonly path: string;
}

export interface ImageFiles {
  readonly pause: ImageFile;
  readonly busybox: ImageFile;
}

/** What containerd runs as every pod's sandbox; kubelets of Kubernetes 1.26 to 1.30 use the same name. */
export const PAUSE_IMAGE = "registry.k8s.io/pause:3.9";
/** A pod may also call it `busybox`. */
export const BUSYBOX_IMAGE = "docker.io/library/busybox:latest";

/** Where Debian has it. Another build without libraries can be named instead, where that one needs some. */
const BUSYBOX_PROGRAM = "/bin/busybox";
const BUSYBOX_VARIABLE = "PODWIRE_BUSYBOX";
export const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const OCI_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

const run = promisify(execFile);

export async function buildImages(cacheDir: string, signal: AbortSignal): Promise<ImageFiles> {
  const program = await readBusybox(signal);
  await mkdir(cacheDir, { recursive: true });
  const [pause, busybox] = await Promise.all([
    cachedImage(cacheDir, pauseImage(process.arch)),
    cachedImage(cacheDir, busyboxImage(process.arch, program)),
  ]);
  return { pause, busybox };
}

export interface Busybox {
  readonly program: Uint8Array;
  /** Names that the program answers to: `sh`, `ping`, … */
  readonly applets: readonly string[];
}

export function pauseImage(arch: string): OciImage {
  return {
    names: [PAUSE_IMAGE],
    architecture: ociArchitecture(arch),
    files: [{ kind: "file", path: "pause", content: pauseProgram(arch), mode: 0o755 }],
    command: ["/pause"],
    environment: [PATH],
  };
}

/** Debian's BusyBox is built without wget's time-out, and asked for it ends with a segmentation fault. */
const WGET = `#!/bin/sh
seconds= next=
for argument do
  shift
  case "$next:$argument" in
    T:*) seconds=$argument next= ;;
    :-T | :--timeout) next=T ;;
    :-T*) seconds=\${argument#-T} ;;
    :--timeout=*) seconds=\${argument#*=} ;;
    *) set -- "$@" "$argument" ;;
  esac
done
[ -n "$seconds" ] || exec busybox wget "$@"
timeout "$seconds" busybox wget "$@"
status=$?
[ $status -lt 124 ] && exit $status
echo 'wget: download timed out' >&2
exit 1
`;

export function busyboxImage(arch: string, { program, applets }: Busybox): OciImage {
  const links = applets
    .filter((name) => name !== "busybox" && name !== "wget")
    .toSorted()
    .map((name): TarEntry => ({ kind: "symlink", path: `bin/${name}`, target: "busybox" }));
  return {
    names: [BUSYBOX_IMAGE],
    architecture: ociArchitecture(arch),
    files: [
      { kind: "folder", path: "bin" },
      { kind: "folder", path: "etc" },
      { kind: "folder", path: "root", mode: 0o700 },
      { kind: "folder", path: "tmp", mode: 0o1777 },
      // Scripts ask for /usr/bin/env.
      { kind: "folder", path: "usr" },
      { kind: "symlink", path: "usr/bin", target: "../bin" },
      { kind: "file", path: "bin/busybox", content: program, mode: 0o755 },
      ...links,
      ...(applets.includes("wget")
        ? [{ kind: "file", path: "bin/wget", content: Buffer.from(WGET), mode: 0o755 } as const]
        : []),
      { kind: "file", path: "etc/passwd", content: Buffer.from("root:x:0:0:root:/root:/bin/sh\n") },
      { kind: "file", path: "etc/group", content: Buffer.from("root:x:0:\n") },
    ],
    command: ["sh"],
    environment: [PATH],
  };
}

export async function readBusybox(signal: AbortSignal): Promise<Busybox> {
  const path = process.env[BUSYBOX_VARIABLE] || BUSYBOX_PROGRAM;
  try {
    const [program, { stdout }] = await Promise.all([readFile(path, { signal }), run(path, ["--list"], { signal })]);
    return { program, applets: stdout.split("\n").filter((name) => name !== "") };
  } catch (cause) {
    throw new Error(
      `Cannot build the busybox image from "${path}": it cannot be read or run. ` +
        `Install it with: apt-get install busybox-static; or name another one in ${BUSYBOX_VARIABLE}`,
      { cause },
    );
  }
}

/** The file's name holds the digest, so a file that is there has the right content. */
export async function cachedImage(cacheDir: string, image: OciImage): Promise<ImageFile> {
  const { digest, bytes } = ociArchive(image);
  const [name = ""] = image.names;
  const shortName = basename(name).split(":")[0];
  const path = join(cacheDir, `${shortName}-${digest.slice("sha256:".length, "sha256:".length + 16)}.tar`);
  if ((await fileSize(path)) !== bytes.length) await writeWhole(path, bytes);
  return { names: image.names, digest, path };
}

/** Writes beside the file and renames, so that nobody reads half a file. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, bytes);
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

export function ociArchitecture(arch: string): string {
  const name = OCI_ARCHITECTURES[arch];
  if (name === undefined) throw new Error(`Cannot build images for "${arch}": only x64 and arm64 are known`);
  return name;
}
