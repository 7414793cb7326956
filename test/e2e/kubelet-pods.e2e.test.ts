/**
 * How pods live on a node, with a real containerd and an unmodified kubectl: probes of each kind, hooks, init containers
 * and sidecars, volumes, the node's network, images that cannot be had, and a kubelet that is killed.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { OUTSIDE } from "#cluster/outside.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { type KubeletTest, shell, startKubeletTest } from "./kubelet-test.ts";

const TIMEOUT_MS = 240_000;
const needs = requireRoot.skip ? requireRoot : { skip: findKubectls().supported.length === 0 && HOW_TO_PROVIDE };
const QUICK = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 2 };
const NODE_IP = String(OUTSIDE.nodeAddress);
const GRPC_PORT = 9555;

suite("kubelet pods", needs, () => {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let own: KubeletTest;
  before(async () => {
    own = await startKubeletTest("pods", {}, signal);
  });
  after(() => own?.[Symbol.asyncDispose]());

  const inPod = (pod: string, script: string) => own.kubectl("exec", pod, "--", "sh", "-c", script);
  const events = async (pod: string): Promise<readonly string[]> => {
    const selector = `--field-selector=involvedObject.name=${pod}`;
    const format = "jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}";
    return (await own.kubectl("get", "events", selector, "-o", format)).trim().split("\n");
  };
  /** Events are written behind what they tell of. */
  const event = async (pod: string, pattern: RegExp): Promise<void> => {
    const watch = own.start(["get", "events", `--field-selector=involvedObject.name=${pod}`, "--watch", "-o", "json"]);
    await watch.says(pattern);
    watch.kill();
    await watch.done;
  };

  test("readiness probes of each kind follow what they ask", async () => {
    const server =
      "mkdir /www; echo ok >/www/up; touch /tmp/up; httpd -p 8080 -h /www; nc -lk -p 7 -e true & sleep 1000";
    const kinds = {
      exec: { exec: { command: ["cat", "/tmp/up"] } },
      http: { httpGet: { path: "/up", port: "web" } },
      tcp: { tcpSocket: { port: 8080 } },
    };
    const down = { exec: "rm /tmp/up", http: "rm /www/up", tcp: "killall httpd" };
    const up = { exec: "touch /tmp/up", http: "echo ok >/www/up", tcp: "httpd -p 8080 -h /www" };
    const texts = {
      exec: /Readiness probe failed: cat: can't open '\/tmp\/up': No such file or directory/,
      http: /Readiness probe failed: HTTP probe failed with statuscode: 404/,
      tcp: /Readiness probe failed: dial tcp 10\.244\.0\.\d+:8080: connect: connection refused/,
    };
    await Promise.all(
      Object.entries(kinds).map(async ([kind, handler]) => {
        const pod = `ready-${kind}`;
        const ports = [{ name: "web", containerPort: 8080 }];
        const container = shell("app", server, { ports, readinessProbe: { ...QUICK, ...handler } });
        await own.createPod(pod, { containers: [container], terminationGracePeriodSeconds: 0 });
        await own.waitFor(pod, "condition=Ready");
        // One of the three, by its own name.
        const name = kind as keyof typeof kinds;
        await inPod(pod, down[name]);
        await own.waitFor(pod, "condition=Ready=false");
        await event(pod, texts[name]);
        await inPod(pod, up[name]);
        await own.waitFor(pod, "condition=Ready");
        assert.equal(await own.get("pod", pod, "{.status.containerStatuses[0].restartCount}"), "0");
      }),
    );
  });

  test("a gRPC probe asks the health service", async () => {
    const service = own.startInNode([
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      join(import.meta.dirname, "grpc-health-service.ts"),
      `${NODE_IP}:${GRPC_PORT}`,
    ]);
    await service.says(/SERVING/);
    const container = shell("app", "sleep 1000", {
      readinessProbe: { ...QUICK, grpc: { port: GRPC_PORT, service: "web" } },
    });
    await own.createPod("ready-grpc", { containers: [container], hostNetwork: true, terminationGracePeriodSeconds: 0 });
    await own.waitFor("ready-grpc", "condition=Ready");
    service.write("NOT_SERVING\n");
    await own.waitFor("ready-grpc", "condition=Ready=false");
    await event("ready-grpc", /Readiness probe failed: service unhealthy \(responded with \\"NOT_SERVING\\"\)/);
    service.kill();
    await service.done;
    await event("ready-grpc", /failed to connect service \\"192\.0\.2\.2:9555\\" within 2s: context deadline exceeded/);
  });

  test("a liveness probe restarts the container in the same sandbox, after its own grace period", async () => {
    const script = "trap '' TERM; touch /tmp/up; while :; do sleep 1; done";
    const livenessProbe = { ...QUICK, exec: { command: ["cat", "/tmp/up"] }, terminationGracePeriodSeconds: 1 };
    await own.createPod("live", {
      containers: [shell("app", script, { livenessProbe })],
      terminationGracePeriodSeconds: 60,
    });
    await own.waitFor("live", "condition=Ready");
    const ip = await own.get("pod", "live", "{.status.podIP}");
    await inPod("live", "rm /tmp/up");
    await own.waitFor("live", "jsonpath={.status.containerStatuses[0].restartCount}=1");
    await own.waitFor("live", "condition=Ready");
    assert.equal(await own.get("pod", "live", "{.status.podIP}"), ip);
    assert.equal(await own.get("pod", "live", "{.status.containerStatuses[0].lastState.terminated.exitCode}"), "137");
    await event("live", /Container app failed liveness probe, will be restarted/);
    await own.kubectl("delete", "pod", "live", "--grace-period=1");
  });

  test("a startup probe holds the others back, and ends a container that does not start", async () => {
    const never = { exec: { command: ["false"] } };
    const startupProbe = { ...QUICK, failureThreshold: 2, ...never };
    const slow = {
      startupProbe: { ...QUICK, failureThreshold: 30, exec: { command: ["cat", "/tmp/up"] } },
      livenessProbe: { ...QUICK, exec: { command: ["cat", "/tmp/up"] } },
    };
    await Promise.all([
      own.createPod("never-up", {
        containers: [shell("app", "sleep 1000", { startupProbe })],
        terminationGracePeriodSeconds: 0,
      }),
      own.createPod("slow-up", {
        containers: [shell("app", "sleep 2; touch /tmp/up; sleep 1000", slow)],
        terminationGracePeriodSeconds: 0,
      }),
    ]);
    await own.waitFor("never-up", "jsonpath={.status.containerStatuses[0].restartCount}=1");
    await event("never-up", /Container app failed startup probe, will be restarted/);
    await own.waitFor("slow-up", "condition=Ready");
    assert.equal(await own.get("pod", "slow-up", "{.status.containerStatuses[0].restartCount}"), "0");
  });

  test("hooks: postStart beside the start, preStop before the signal; one that fails ends the container", async () => {
    const note = (text: string) => ({ exec: { command: ["sh", "-c", `echo ${text} >>/notes/all`] } });
    const script = "trap 'echo term >>/notes/all; exit 0' TERM; echo start >>/notes/all; while :; do sleep 0.1; done";
    const mount = { volumeMounts: [{ name: "notes", mountPath: "/notes" }] };
    const volumes = [{ name: "notes", hostPath: { path: "/run/notes", type: "DirectoryOrCreate" } }];
    const lifecycle = { postStart: note("post"), preStop: note("pre") };
    await own.createPod("hooked", { containers: [shell("app", script, { lifecycle, ...mount })], volumes });
    const failing = { postStart: { exec: { command: ["sh", "-c", "echo no; exit 9"] } } };
    await own.createPod("unhooked", {
      containers: [shell("app", "sleep 1000", { lifecycle: failing })],
      terminationGracePeriodSeconds: 0,
    });
    const resting = { preStop: { sleep: { seconds: 1 } } };
    await own.createPod("resting", {
      containers: [shell("app", "sleep 1000", { lifecycle: resting })],
      terminationGracePeriodSeconds: 2,
    });
    await own.waitFor("hooked", "condition=Ready");
    await own.waitFor("resting", "condition=Ready");
    await own.kubectl("delete", "pod", "hooked", "resting");
    const { stdout } = await own.startInNode(["cat", "/run/notes/all"]).done;
    const notes = stdout.trim().split("\n");
    assert.deepEqual(notes.toSorted(), ["post", "pre", "start", "term"]);
    assert.deepEqual(notes.slice(2), ["pre", "term"]);
    await event("unhooked", /PostStartHook failed: no/);
    await own.waitFor("unhooked", "jsonpath={.status.containerStatuses[0].restartCount}=1");
  });

  test("init containers run one after the other, sidecars start between and end last", async () => {
    const note = (text: string) => `echo ${text} >>/notes/order`;
    const mount = { volumeMounts: [{ name: "notes", mountPath: "/notes" }] };
    const until = (text: string) =>
      `trap '${note(`${text} ends`)}; exit 0' TERM; ${note(text)}; while :; do sleep 0.1; done`;
    const startupProbe = { ...QUICK, failureThreshold: 30, exec: { command: ["grep", "-q", "side", "/notes/order"] } };
    await own.createPod("ordered", {
      initContainers: [
        shell("first", `sleep 0.5; ${note("first")}`, mount),
        shell("side", until("side"), { ...mount, restartPolicy: "Always", startupProbe }),
        shell("second", note("second"), mount),
      ],
      containers: [shell("app", until("app"), mount)],
      volumes: [{ name: "notes", hostPath: { path: "/run/order", type: "DirectoryOrCreate" } }],
      terminationGracePeriodSeconds: 10,
    });
    await own.waitFor("ordered", "condition=Ready");
    await own.kubectl("delete", "pod", "ordered");
    const { stdout } = await own.startInNode(["cat", "/run/order/order"]).done;
    assert.deepEqual(stdout.trim().split("\n"), ["first", "side", "second", "app", "app ends", "side ends"]);
  });

  test("the node's network, and the node's ports", async () => {
    await own.createPod("on-node", {
      containers: [shell("app", "mkdir /www; echo node >/www/index.html; exec httpd -f -p 8181 -h /www")],
      hostNetwork: true,
      terminationGracePeriodSeconds: 0,
    });
    const ports = [{ containerPort: 8080, hostPort: 8282 }];
    await own.createPod("port", {
      containers: [shell("app", "mkdir /www; echo pod >/www/index.html; exec httpd -f -p 8080 -h /www", { ports })],
      terminationGracePeriodSeconds: 0,
    });
    await own.waitFor("on-node", "condition=Ready");
    await own.waitFor("port", "condition=Ready");
    assert.equal(await own.get("pod", "on-node", "{.status.podIP} {.status.hostIP}"), `${NODE_IP} ${NODE_IP}`);
    const ask = (port: number) => own.startInNode(["busybox", "wget", "-qO-", `http://${NODE_IP}:${port}/`]).done;
    assert.equal((await ask(8181)).stdout, "node\n");
    assert.equal((await ask(8282)).stdout, "pod\n");
    assert.match(await inPod("on-node", "hostname"), /^pods\n$/);
  });

  test("volumes and variables: every source, and changes arrive", async () => {
    await own.kubectl("create", "configmap", "settings", "--from-literal=color=blue", "--from-literal=size=big");
    await own.kubectl("create", "secret", "generic", "hidden", "--from-literal=key=s3cret");
    const container = shell("app", "sleep 1000", {
      env: [
        { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
        { name: "BOTH", value: "$(POD)-$(P_color)" },
      ],
      envFrom: [{ configMapRef: { name: "settings" }, prefix: "P_" }, { secretRef: { name: "hidden" } }],
      resources: { limits: { cpu: "500m", memory: "64Mi" } },
      volumeMounts: [
        { name: "all", mountPath: "/all" },
        { name: "memory", mountPath: "/memory" },
        { name: "all", mountPath: "/one/color", subPath: "color" },
        { name: "disk", mountPath: "/disk", subPathExpr: "of-$(POD)" },
      ],
      securityContext: { runAsUser: 1000, runAsGroup: 2000, readOnlyRootFilesystem: true },
    });
    await own.createPod(
      "configured",
      {
        containers: [container],
        securityContext: { fsGroup: 3000 },
        terminationGracePeriodSeconds: 0,
        volumes: [
          { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "8Mi" } },
          { name: "disk", emptyDir: {} },
          {
            name: "all",
            projected: {
              sources: [
                { configMap: { name: "settings" } },
                { secret: { name: "hidden" } },
                { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
                { serviceAccountToken: { path: "token", audience: "somebody", expirationSeconds: 600 } },
              ],
            },
          },
        ],
      },
      { labels: { app: "configured" } },
    );
    await own.waitFor("configured", "condition=Ready");
    const said = await inPod(
      "configured",
      "echo $POD $IP $CPU $BOTH $P_size $key; id -u; id -g; id -G; cat /all/color /all/key /all/labels; echo; cat /one/color; echo; df -m /memory | tail -1 | awk '{print $1, $2}'; touch /disk/x; touch /x 2>&1; true",
    );
    const ip = await own.get("pod", "configured", "{.status.podIP}");
    assert.deepEqual(
      said.trim().split("\n"),
      [
        `configured ${ip} 500 configured-blue big s3cret`,
        "1000",
        "2000",
        "2000 3000",
        'blues3cretapp="configured"',
        "blue",
        "tmpfs 8",
        "touch: /x: Read-only file system",
      ].filter(Boolean),
    );
    const changed = own.start([
      "exec",
      "configured",
      "--",
      "sh",
      "-c",
      'until [ "$(cat /all/color /all/labels)" = \'redapp="other"\' ]; do sleep 0.05; done; echo changed',
    ]);
    await own.kubectl("patch", "configmap", "settings", "-p", '{"data":{"color":"red"}}');
    await own.kubectl("label", "pod", "configured", "app=other", "--overwrite");
    await changed.says(/changed/);
  });

  test("limits reach the kernel: less memory than a container wants ends it as OOMKilled", async () => {
    const limited = shell("app", "tail /dev/zero", { resources: { limits: { memory: "24Mi" } } });
    await own.createPod("greedy", { containers: [limited], restartPolicy: "Never" });
    await own.waitFor("greedy", "jsonpath={.status.containerStatuses[0].state.terminated.reason}=OOMKilled");
    const read = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";
    assert.equal(await inPod("configured", read), `${64 * 1024 * 1024}\n`);
  });

  test("a sandbox that dies is made anew, with what ran in it", async () => {
    await own.createPod("boxed", { containers: [shell("app", "sleep 1000")], terminationGracePeriodSeconds: 1 });
    await own.waitFor("boxed", "condition=Ready");
    const { cri } = own.cluster.node;
    const labelSelector = { "io.kubernetes.pod.name": "boxed" };
    const sandboxes = async () => (await cri.listPodSandbox({ filter: { labelSelector } }, signal)).items;
    const [sandbox] = await sandboxes();
    const { info } = await cri.podSandboxStatus({ podSandboxId: sandbox?.id ?? "", verbose: true }, signal);
    const { pid } = JSON.parse(info["info"] ?? "{}");
    await own.startInNode(["kill", "-9", String(pid)]).done;
    await event("boxed", /Pod sandbox changed, it will be killed and re-created\./);
    await own.waitFor("boxed", "jsonpath={.status.containerStatuses[0].restartCount}=1");
    await own.waitFor("boxed", "condition=Ready");
    const [next] = (await sandboxes()).filter(({ state }) => state === "SANDBOX_READY");
    assert.notEqual(next?.id, sandbox?.id);
    // Its name on the new network, not the old one's.
    const ip = await own.get("pod", "boxed", "{.status.podIP}");
    assert.equal(await own.get("pod", "boxed", "{.status.podIPs[*].ip}"), ip);
    assert.match(await inPod("boxed", "cat /etc/hosts"), new RegExp(`^${ip}\tboxed$`, "m"));
  });

  test("what a container needs and is not there: it waits, and starts as soon as it comes", async () => {
    const env = [{ name: "COLOR", valueFrom: { configMapKeyRef: { name: "later", key: "color" } } }];
    await own.createPod("needy", {
      containers: [shell("app", "sleep 1000", { env })],
      terminationGracePeriodSeconds: 0,
    });
    await own.createPod("unmounted", {
      containers: [shell("app", "sleep 1000", { volumeMounts: [{ name: "v", mountPath: "/v" }] })],
      volumes: [{ name: "v", configMap: { name: "later" } }],
      terminationGracePeriodSeconds: 0,
    });
    await own.waitFor(
      "needy",
      "jsonpath={.status.containerStatuses[0].state.waiting.reason}=CreateContainerConfigError",
    );
    await event("needy", /Error: configmap \\"later\\" not found/);
    await event("unmounted", /MountVolume.SetUp failed for volume \\"v\\" : configmap \\"later\\" not found/);
    await own.kubectl("create", "configmap", "later", "--from-literal=color=blue");
    await own.waitFor("needy", "condition=Ready");
    await own.waitFor("unmounted", "condition=Ready");
  });

  test("images that cannot be had are told in the words that people search for", async () => {
    const reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}";
    const spec = (image: string, imagePullPolicy: string) => ({
      containers: [{ name: "app", image, imagePullPolicy }],
      imagePullSecrets: [{ name: "nowhere" }],
    });
    await Promise.all([
      own.createPod("unnamed", spec("busybox/CASE", "IfNotPresent")),
      own.createPod("never", spec("nothing.invalid/app:1", "Never")),
      own.createPod("missing", spec("192.0.2.1:9/app:1", "IfNotPresent")),
    ]);
    await own.waitFor("unnamed", `${reason}=InvalidImageName`);
    await own.waitFor("never", `${reason}=ErrImageNeverPull`);
    await own.waitFor("missing", `${reason}=ImagePullBackOff`);
    const message = (pod: string) => own.get("pod", pod, "{.status.containerStatuses[0].state.waiting.message}");
    assert.equal(
      await message("unnamed"),
      'Failed to apply default image tag "busybox/CASE": couldn\'t parse image name "busybox/CASE": invalid reference format: repository name (busybox/CASE) must be lowercase',
    );
    assert.equal(
      await message("never"),
      'Container image "nothing.invalid/app:1" is not present with pull policy of Never',
    );
    assert.match(
      await message("missing"),
      /^Back-off pulling image "192\.0\.2\.1:9\/app:1": ErrImagePull: rpc error: code = \w+ desc = failed to pull and unpack image "192\.0\.2\.1:9\/app:1"/,
    );
    await event("missing", /Back-off pulling image/);
    const told = await events("missing");
    assert.ok(
      told.some((text) => text.startsWith('Failed: Failed to pull image "192.0.2.1:9/app:1": rpc error')),
      told.join("\n"),
    );
    assert.ok(told.includes("Failed: Error: ErrImagePull"), told.join("\n"));
    assert.ok(
      told.some((text) =>
        text.startsWith("FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (nowhere)"),
      ),
    );
    const refused = await own.start(["logs", "missing"]).done;
    assert.match(
      refused.stderr,
      /container "app" in pod "missing" is waiting to start: trying and failing to pull image/,
    );
  });

  test("a kubelet killed under load: nothing is restarted, nothing is lost, readiness stays", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `load-${index}`);
    const readinessProbe = { ...QUICK, failureThreshold: 3, exec: { command: ["true"] } };
    const pod = (name: string, more: object) =>
      own.createPod(
        name,
        { containers: [shell("app", "sleep 1000", more)], terminationGracePeriodSeconds: 0 },
        { labels: { set: "load" } },
      );
    await Promise.all(names.slice(0, 4).map((name) => pod(name, { readinessProbe })));
    await own.kubectl("wait", "pods", "-l", "set=load", "--for=condition=Ready", "--timeout=60s");
    const ids = () =>
      own.kubectl(
        "get",
        "pods",
        ...names.slice(0, 4),
        "-o",
        "jsonpath={range .items[*]}{.status.containerStatuses[0].containerID}{' '}{end}",
      );
    const before = await ids();
    const watch = own.start([
      "get",
      "pods",
      "-l",
      "set=load",
      "--watch-only",
      "-o",
      "jsonpath={.metadata.name}={.status.conditions[?(@.type=='Ready')].status}{'\\n'}",
    ]);
    // Half of them are on their way when it dies, and one goes.
    await Promise.all(names.slice(4).map((name) => pod(name, {})));
    await own.kubectl("delete", "pod", "load-7", "--wait=false");
    await own.restartKubelet("SIGKILL");
    await own.restartKubelet("SIGKILL");
    await own.kubectl("wait", "pods", ...names.slice(0, 7), "--for=condition=Ready", "--timeout=60s");
    await own.kubectl("wait", "pod/load-7", "--for=delete", "--timeout=60s");
    assert.equal(await ids(), before);
    const counts = await own.kubectl(
      "get",
      "pods",
      "-l",
      "set=load",
      "-o",
      "jsonpath={.items[*].status.containerStatuses[0].restartCount}",
    );
    assert.equal(counts, "0 0 0 0 0 0 0");
    watch.kill();
    const { stdout } = await watch.done;
    assert.doesNotMatch(stdout, /load-[0-3]=False/);
  });

  test("without a network the node says so, and pods wait for it and not for a clock", async () => {
    const conf = "/etc/cni/net.d/10-podwire.conflist";
    const inNode = async (command: string) => {
      const { code, stderr } = await own.startInNode(["sh", "-c", command]).done;
      assert.equal(code, 0, stderr);
    };
    await inNode(`mv ${conf} /run/held`);
    await own.kubectl("wait", "node/pods", "--for=condition=Ready=false", "--timeout=30s");
    const ready = await own.get(
      "node",
      "pods",
      "{.status.conditions[?(@.type=='Ready')].reason} {.status.conditions[?(@.type=='Ready')].message}",
    );
    assert.equal(
      ready,
      "KubeletNotReady container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
    );
    const tolerations = [{ operator: "Exists" }];
    await own.createPod("waits", {
      containers: [shell("app", "sleep 1000")],
      tolerations,
      terminationGracePeriodSeconds: 0,
      nodeName: "pods",
    });
    await event("waits", /network is not ready: container runtime network not ready: NetworkReady=false/);
    await inNode(`sed s/bridge/nowhere/ /run/held >${conf}.new; mv ${conf}.new ${conf}`);
    await event(
      "waits",
      /Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox .* failed to find plugin .*nowhere.* in path \[\/opt\/cni\/bin\]/,
    );
    await inNode(`cat /run/held >${conf}.new; mv ${conf}.new ${conf}`);
    await own.kubectl("wait", "node/pods", "--for=condition=Ready", "--timeout=30s");
    await own.waitFor("waits", "condition=Ready");
  });
});
