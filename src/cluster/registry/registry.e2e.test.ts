import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { CriError } from "#cri/cri-error.ts";
import { testNetns } from "#kernel/testing/with-netns.ts";
import { type NodeSandbox, startNode } from "../node-sandbox.ts";
import { ociArchive } from "../oci-archive.ts";
import { execInPod, type Pod, runPod } from "../pod.ts";
import { removePod } from "../pod-sandbox.ts";
import { startUnderlay, type Underlay } from "../underlay/underlay.ts";
import { type Registry, startRegistry } from "./registry.ts";
import { useRegistry } from "./use-registry.ts";

const REFERENCE_PLUGINS = "/usr/lib/cni";
/** Where `podwire test` has put the image of nginx, which takes a network to build. */
const CACHE_DIR = join(import.meta.dirname, "../../../build/images");
const RUN = `registry-${randomUUID().slice(0, 8)}`;

suite("registry", { skip: process.getuid?.() === 0 ? false : "needs root" }, () => {
  const signal = AbortSignal.timeout(240_000);
  const cleanup = new AsyncDisposableStack();
  let folder: string;
  let underlay: Underlay;
  let registry: Registry;
  let node: NodeSandbox;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), `podwire-${RUN}-`));
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    const confDir = join(folder, "conf");
    await mkdir(confDir);
    const bridge = {
      type: "bridge",
      bridge: "cni0",
      ipam: { type: "host-local", ranges: [[{ subnet: "10.244.1.0/24" }]] },
    };
    const conflist = { cniVersion: "1.0.0", name: "pods", plugins: [bridge] };
    await writeFile(join(confDir, "10-pods.conflist"), JSON.stringify(conflist));
    const host = cleanup.use(testNetns());
    const options = { clusterName: RUN, dualStack: false, mtuBytes: 1500, isHostJoined: true, hostNetns: host };
    underlay = cleanup.use(await startUnderlay(options, signal));
    registry = cleanup.use(
      await startRegistry({
        netnsPath: underlay.netnsPath,
        address: underlay.gatewayAddresses[4],
        cacheDir: CACHE_DIR,
        loadedDir: join(folder, "loaded"),
      }),
    );
    // No image is imported: even pause comes from the registry.
    node = cleanup.use(
      await startNode({ name: RUN, stateDir: folder, binDir: REFERENCE_PLUGINS, confDir, images: [] }, signal),
    );
    await underlay.attachNode({ nodeName: RUN, index: 0, netnsPath: node.netnsPath }, signal);
    await useRegistry(node, registry.url);
  });

  after(() => cleanup.disposeAsync());

  async function pull(image: string): Promise<string> {
    return (await node.cri.pullImage({ image: { image } }, signal)).imageRef;
  }

  async function withPod(pod: { name: string; image: string; command?: string[] }, body: (pod: Pod) => Promise<void>) {
    const running = await runPod({ node, ...pod }, signal);
    try {
      await body(running);
    } finally {
      await removePod(running, signal);
    }
  }

  test("a pod of busybox runs, whose images all come from the registry", async () => {
    await pull("busybox:1.28");
    await withPod({ name: "tools", image: "busybox:1.28" }, async (pod) => {
      const { stdout } = await execInPod(pod, ["sh", "-c", "echo $((6 * 7))"], signal);
      assert.equal(stdout, "42\n");
    });
    const { images } = await node.cri.listImages({}, signal);
    const names = images.flatMap(({ repoTags }) => repoTags);
    assert.deepEqual(names.toSorted(), ["docker.io/library/busybox:1.28", "registry.k8s.io/pause:3.9"]);
  });

  test("the names of nginx are one image, which can be pulled again and again", async () => {
    const refs = [];
    for (const name of ["nginx", "nginx:latest", "nginx:1.25", "nginx:alpine", "nginx"]) refs.push(await pull(name));
    assert.equal(new Set(refs).size, 1);
    const { image } = await node.cri.imageStatus({ image: { image: "nginx" } }, signal);
    const [digest = ""] = image?.repoDigests ?? [];
    assert.match(digest, /^docker\.io\/library\/nginx@sha256:/);
    assert.equal(await pull(digest), refs[0]);
  });

  test("nginx serves its page on port 80 in both families", async () => {
    await pull("nginx");
    const command = ["nginx", "-g", "daemon off;"];
    await withPod({ name: "web", image: "nginx", command }, async (pod) => {
      for (const url of ["http://127.0.0.1/", "http://[::1]/"]) {
        // It listens soon after its start, and nothing tells when.
        const ask = `until busybox wget -q -O - ${url} 2>/dev/null; do busybox usleep 50000; done`;
        const { stdout } = await execInPod(pod, ["timeout", "20", "sh", "-c", ask], signal);
        assert.match(stdout, /<title>Welcome to nginx!<\/title>/);
      }
    });
  });

  const missing = ["nginx:nope", "example.test/no/such:1", "nothing"];
  for (const image of missing) {
    test(`pulling ${image} fails at once with containerd's words`, async () => {
      const full = { "nginx:nope": "docker.io/library/nginx:nope", nothing: "docker.io/library/nothing:latest" }[image];
      const name = full ?? image;
      await assert.rejects(pull(image), (error: CriError) => {
        assert.equal(error.code, "NOT_FOUND");
        assert.equal(
          error.details,
          `failed to pull and unpack image "${name}": failed to resolve reference "${name}": ${name}: not found`,
        );
        return true;
      });
    });
  }

  test("a loaded image is pulled by its name, and a newer one of this name after it", async () => {
    const refs = [];
    for (const content of ["one", "two"]) {
      const image = {
        names: ["example.test/web:1"],
        architecture: process.arch === "arm64" ? "arm64" : "amd64",
        files: [{ kind: "file", path: "content", content: Buffer.from(content) }],
        command: ["/content"],
        environment: [],
      } as const;
      await writeFile(join(folder, "web.tar"), ociArchive(image).bytes);
      await registry.load(join(folder, "web.tar"), signal);
      refs.push(await pull("example.test/web:1"));
    }
    assert.equal(new Set(refs).size, 2);
  });

  test("what ctr images export writes is loaded, and pulled under its new name", async () => {
    const ref = await pull("busybox");
    const [from, to, file] = ["docker.io/library/busybox:latest", "example.test/tools:1", "/run/exported.tar"];
    const ctr = ["ctr", "--namespace", "k8s.io", "images"];
    for (const argv of [
      [...ctr, "tag", from, to],
      [...ctr, "export", file, to],
      [...ctr, "remove", to],
    ]) {
      const { code, stderr } = await node.exec(argv, signal);
      assert.equal(code, 0, stderr);
    }
    assert.deepEqual((await registry.load(node.rootPath + file, signal)).names, [to]);
    assert.equal(await pull(to), ref);
  });

  test("outside cannot reach the registry", async () => {
    const ask = (url: string) => ["timeout", "5", "busybox", "wget", "-q", "-O", "-", `${url}/v2/`];
    assert.equal((await node.exec(ask(registry.url), signal)).stdout, "{}");
    const { code, stdout } = await underlay.outside.exec(ask("http://203.0.113.1:5000"), signal);
    assert.notEqual(code, 0);
    assert.equal(stdout, "");
  });
});
