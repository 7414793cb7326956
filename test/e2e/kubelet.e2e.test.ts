/** Our kubelet with a real containerd, a real API and an unmodified kubectl: pods run, answer, and leave nothing. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { formatConflist } from "#cli/install/conflist.ts";
import { buildImages } from "#cluster/images.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { type KubeletCluster, type NodeProcess, startKubeletCluster } from "./kubelet-cluster.ts";
import { copyReference } from "./plugin-folders.ts";

const TIMEOUT_MS = 240_000;
const IMAGE = "busybox";

/** Without root that is the reason; else whether there is a kubectl. */
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };

suite("kubelet", needs, () => {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let folder: string;
  let cluster: KubeletCluster;
  let kubelet: NodeProcess;
  const kubectl = (...args: readonly string[]): Promise<string> => cluster.kubectl(args, signal);
  const run = (name: string, command: string, ...args: readonly string[]): Promise<string> =>
    kubectl(
      ...["run", name, `--image=${IMAGE}`, "--image-pull-policy=IfNotPresent", ...args],
      ...["--command", "--", "sh", "-c", command],
    );
  const waitFor = (name: string, condition: string): Promise<string> =>
    kubectl("wait", `pod/${name}`, `--for=${condition}`, "--timeout=60s");

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "podwire-kubelet-"));
    const [binDir, confDir] = [join(folder, "bin"), join(folder, "conf")];
    mkdirSync(confDir);
    await writeFile(join(confDir, "10-podwire.conflist"), formatConflist("10.244.0.0/24"));
    copyReference(binDir, ["bridge", "host-local", "loopback", "portmap"]);
    const { pause, busybox } = await buildImages(join(folder, "images"), signal);
    const options = { name: "kubelet-e2e", stateDir: join(folder, "nodes"), binDir, confDir, images: [pause, busybox] };
    cluster = await startKubeletCluster(options, {}, signal);
    kubelet = await cluster.startKubelet();
    await kubectl("wait", "node/kubelet-e2e", "--for=condition=Ready", "--timeout=60s");
  });
  after(async () => {
    if (process.env["PODWIRE_TEST_LOG"]) process.stderr.write(cluster?.log() ?? "");
    await cluster?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test("kubectl run: the pod runs, has an address, logs and exec work", async () => {
    await run("web", "echo hello; exec sleep 1000");
    await waitFor("web", "condition=Ready");
    const ip = await kubectl("get", "pod", "web", "-o", "jsonpath={.status.phase} {.status.podIP}");
    assert.match(ip, /^Running 10\.244\.0\.\d+$/);
    assert.equal(await kubectl("logs", "web"), "hello\n");
    assert.match(await kubectl("exec", "web", "--", "hostname"), /^web\n$/);
    const failed = await cluster.tryKubectl(["exec", "web", "--", "sh", "-c", "echo out; exit 3"], signal);
    assert.deepEqual([failed.code, failed.stdout], [3, "out\n"]);
    const events = await kubectl("get", "events", "-o", "jsonpath={range .items[*]}{.reason}{'\\n'}{end}");
    for (const reason of ["Pulled", "Created", "Started"]) assert.match(events, new RegExp(`^${reason}$`, "m"));
  });

  test("a restart of the kubelet leaves pods alone", async () => {
    const id = () => kubectl("get", "pod", "web", "-o", "jsonpath={.status.containerStatuses[0].containerID}");
    const before = await id();
    await kubelet.end("SIGKILL");
    kubelet = await cluster.startKubelet();
    await waitFor("web", "condition=Ready");
    assert.equal(await id(), before);
  });

  test("a pod that ends has Succeeded, or Failed with its exit code", async () => {
    await Promise.all([
      run("good", "exit 0", "--restart=Never"),
      run("bad", "echo last words >/dev/termination-log; exit 7", "--restart=Never"),
    ]);
    await waitFor("good", "jsonpath={.status.phase}=Succeeded");
    await waitFor("bad", "jsonpath={.status.phase}=Failed");
    const path = "jsonpath={.status.containerStatuses[0].state.terminated}";
    const state = JSON.parse(await kubectl("get", "pod", "bad", "-o", path));
    assert.deepEqual([state.exitCode, state.reason, state.message], [7, "Error", "last words\n"]);
  });

  test("volumes and variables come from the API", async () => {
    await kubectl("create", "configmap", "settings", "--from-literal=color=blue");
    const script =
      "cat /config/color; echo; echo $COLOR; cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; echo; sleep 1000";
    const container = {
      name: "app",
      image: IMAGE,
      imagePullPolicy: "IfNotPresent",
      command: ["sh", "-c", script],
      env: [{ name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "color" } } }],
      volumeMounts: [{ name: "config", mountPath: "/config" }],
    };
    const spec = {
      containers: [container],
      initContainers: [{ name: "first", image: IMAGE, imagePullPolicy: "IfNotPresent", command: ["true"] }],
      volumes: [{ name: "config", configMap: { name: "settings" } }],
      terminationGracePeriodSeconds: 1,
    };
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "configured" }, spec };
    const file = await cluster.writeFile("configured.json", JSON.stringify(pod));
    await kubectl("apply", "-f", file);
    await waitFor("configured", "condition=Ready");
    assert.equal(await kubectl("logs", "configured"), "blue\nblue\ndefault\n");
  });

  test("deleted pods leave nothing", async () => {
    await kubectl("delete", "pods", "--all", "--grace-period=1", "--timeout=60s");
    await kubelet.end("SIGTERM");
    // The next one finds what the last one had not removed yet.
    kubelet = await cluster.startKubelet();
    const { node } = cluster;
    const left = async () => {
      const [{ items }, { containers }, pods, logs] = await Promise.all([
        node.cri.listPodSandbox({}, signal),
        node.cri.listContainers({}, signal),
        readdir(`${node.rootPath}/var/lib/kubelet/pods`),
        readdir(`${node.rootPath}/var/log/pods`),
      ]);
      return [...items.map(({ id }) => id), ...containers.map(({ id }) => id), ...pods, ...logs];
    };
    let rest = await left();
    for (const deadline = Date.now() + 20_000; rest.length > 0 && Date.now() < deadline; ) rest = await left();
    assert.deepEqual(rest, []);
  });
});
