/**
 * What reaches through to a node with the oldest kubectl (SPDY) and the newest (WebSockets), unmodified: exec, attach,
 * port-forward, cp, logs; on a real containerd.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { OUTSIDE } from "#cluster/outside.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { type KubeletTest, shell, startKubeletTest } from "./kubelet-test.ts";

const TIMEOUT_MS = 240_000;
const { supported } = findKubectls();
const kubectls = supported.filter((_, index) => index === 0 || index === supported.length - 1);
/** Without root that is the reason; else whether there is a kubectl. */
const needs = requireRoot.skip ? requireRoot : { skip: supported.length === 0 && HOW_TO_PROVIDE };
const FIRST_WITH_WEB_SOCKETS = 30;
const BIG_BYTES = 5_000_000;
const LOG_LINES = 20_000;

suite("kubelet streams", needs, () => {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let own: KubeletTest;
  const web = `
    mkdir -p /www; head -c ${BIG_BYTES} /dev/urandom >/www/big; echo web >/www/index.html
    exec httpd -f -p 8080 -h /www`;

  before(async () => {
    own = await startKubeletTest("streams", { containerLogs: { maxBytes: 300_000, maxFiles: 5 } }, signal);
    await own.createPod("web", { containers: [shell("app", web)], terminationGracePeriodSeconds: 1 });
    await own.waitFor("web", "condition=Ready");
  });
  after(() => own?.[Symbol.asyncDispose]());

  for (const kubectl of kubectls) {
    const version = `kubectl 1.${kubectl.minor}`;
    const run = (...args: readonly string[]) => own.start(args, kubectl);

    const protocol = kubectl.minor >= FIRST_WITH_WEB_SOCKETS ? "a WebSocket" : "SPDY";
    test(`${version} exec: takes ${protocol}, and needs no other try`, async () => {
      const { stderr } = await run("exec", "-v=8", "web", "--", "true").done;
      const requests = stderr.match(/(GET|POST)\W.*\/pods\/web\/exec/g)?.map((line) => line.split(/\W/)[0]);
      assert.deepEqual(requests, [kubectl.minor >= FIRST_WITH_WEB_SOCKETS ? "GET" : "POST"]);
    });

    test(`${version} exec: both outputs and the exit code`, async () => {
      const talk = run("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7");
      const { code, stdout, stderr } = await talk.done;
      assert.deepEqual([code, stdout], [7, "out\n"]);
      assert.match(stderr, /^err\ncommand terminated with exit code 7\n$/);
    });

    test(`${version} exec -i: the input's end reaches the program, and nothing of it is lost`, async () => {
      const input = randomBytes(BIG_BYTES);
      const talk = run("exec", "-i", "web", "--", "sha256sum");
      talk.end(input);
      const { code, stdout } = await talk.done;
      assert.deepEqual([code, stdout], [0, `${createHash("sha256").update(input).digest("hex")}  -\n`]);
    });

    test(`${version} exec: all of a large output arrives, for many at once`, async () => {
      const talks = Array.from({ length: 8 }, () => run("exec", "web", "--", "cat", "/www/big"));
      const sums = (await Promise.all(talks.map(({ done }) => done))).map(({ code, stdout }) => [code, stdout.length]);
      assert.deepEqual(
        sums,
        Array.from(talks, () => [0, BIG_BYTES]),
      );
    });

    test(`${version} exec -it: a terminal with the size of ours, also after a change`, async () => {
      // A size of its own comes right after the start, by a message.
      const inside = `tty; while :; do
        size=$(stty size); [ "$size" = "$last" ] || echo "is $size"; last=$size
        [ "$size" = "40 90" ] && exit 5; sleep 0.05; done`;
      const [, ...line] = own.cluster.kubectlCommand(["exec", "-it", "web", "--", "sh", "-c", inside], kubectl);
      const outer = `stty rows 33 cols 101; tty; exec ${shellLine(line)}`;
      const talk = own.startInNode(["script", "-qec", outer, "/dev/null"]);
      const [, terminal = ""] = await talk.says(/^(\/dev\/pts\/\d+)\r/);
      await talk.says(/is 33 101\r\n/);
      await own.startInNode(["stty", "-F", terminal, "rows", "40", "cols", "90"]).done;
      const { code, stdout } = await talk.done;
      assert.match(stdout, /is 40 90\r\n/);
      assert.equal(code, 5);
    });

    test(`${version} attach -i: speaks with the container's own process`, async () => {
      const name = `talk-${kubectl.minor}`;
      const script = 'while read line; do echo "got $line"; done; echo end';
      const container = shell("app", script, { stdin: true, stdinOnce: true });
      await own.createPod(name, { containers: [container], restartPolicy: "Never" });
      await own.waitFor(name, "condition=Ready");
      const talk = run("attach", "-i", name);
      talk.write("one\n");
      await talk.says(/got one/);
      talk.end("two\n");
      const { code, stdout } = await talk.done;
      assert.deepEqual([code, stdout], [0, "got one\ngot two\nend\n"]);
      await own.waitFor(name, "jsonpath={.status.phase}=Succeeded");
    });

    test(`${version} run -it --rm: a terminal of the container's own process, and its exit code`, async () => {
      const [, ...line] = own.cluster.kubectlCommand(
        ["run", `tty-${kubectl.minor}`, "-it", "--rm", "--restart=Never", "--image=busybox"].concat([
          "--image-pull-policy=IfNotPresent",
          "--command",
          "--",
          "sh",
          "-c",
          "while read x; do echo got $x; done; exit 4",
        ]),
        kubectl,
      );
      const talk = own.startInNode(["script", "-qec", shellLine(line), "/dev/null"]);
      await talk.says(/command prompt/);
      talk.write("hello\r");
      await talk.says(/got hello/);
      talk.write("\u0004");
      const { code, stdout } = await talk.done;
      assert.equal(code, 4, stdout);
      assert.match(stdout, new RegExp(`pod "tty-${kubectl.minor}" deleted`));
    });

    test(`${version} port-forward: many connections at once, each complete`, async () => {
      const forward = run("port-forward", "pod/web", ":8080", "--address=127.0.0.1");
      const [, port] = await forward.says(/Forwarding from 127\.0\.0\.1:(\d+) -> 8080/);
      const fetchBig = `busybox wget -qO- http://127.0.0.1:${port}/big | wc -c`;
      const loop = `for i in 1 2 3 4 5 6 7 8 9 10; do (${fetchBig}) & done; wait`;
      const { stdout } = await own.startInNode(["sh", "-c", loop]).done;
      assert.equal(stdout, `${BIG_BYTES}\n`.repeat(10));
      forward.kill();
      await forward.done;
    });

    test(`${version} port-forward: a port where nobody listens is told`, async () => {
      const forward = run("port-forward", "pod/web", ":81", "--address=127.0.0.1");
      const [, port] = await forward.says(/Forwarding from 127\.0\.0\.1:(\d+) -> 81/);
      await own.startInNode(["busybox", "wget", "-qO-", `http://127.0.0.1:${port}/`]).done;
      await forward.says(/an error occurred forwarding \d+ -> 81: .*[Cc]onnection refused/);
      forward.kill();
      await forward.done;
    });

    test(`${version} cp: there and back`, async () => {
      const content = randomBytes(1_000_000).toString("base64");
      const file = await own.cluster.writeFile(`copied-${kubectl.minor}`, content);
      for (const talk of [
        run("cp", file, `web:/tmp/copy-${kubectl.minor}`),
        () => run("cp", `web:/tmp/copy-${kubectl.minor}`, `${file}-back`),
      ]) {
        const { code, stderr } = await (typeof talk === "function" ? talk() : talk).done;
        assert.equal(code, 0, stderr);
      }
      assert.equal(await readFile(`${own.cluster.node.rootPath}${file}-back`, "utf8"), content);
    });
  }

  test("logs -f: every line once and in order, across rotations, until the container ends", async () => {
    const line = "$i the quick brown fox jumps over the lazy dog and over everything else that lies about";
    const script = `i=0; while [ $i -lt ${LOG_LINES} ]; do
      echo "${line}"; i=$((i+1)); [ $((i % 500)) = 0 ] && sleep 0.1; done`;
    await own.createPod("chatty", { containers: [shell("app", script)], restartPolicy: "Never" });
    await own.waitFor("chatty", "condition=Ready");
    const { code, stdout } = await own.start(["logs", "-f", "chatty"]).done;
    assert.equal(code, 0);
    const numbers = stdout
      .split("\n")
      .slice(0, -1)
      .map((text) => Number(text.split(" ")[0]));
    assert.deepEqual(
      numbers,
      Array.from({ length: LOG_LINES }, (_, index) => index),
    );
    const files = await own.startInNode(["sh", "-c", "ls /var/log/pods/default_chatty_*/app"]).done;
    const names = files.stdout.trim().split("\n");
    assert.ok(names.length > 1 && names.length <= 5, files.stdout);
  });

  test("logs: tail, since-time, timestamps, limit-bytes, all containers with their names", async () => {
    const spec = {
      containers: [
        shell("app", "echo one; echo two; printf 'half'; sleep 1000"),
        shell("side", "echo beside; sleep 1000"),
      ],
      terminationGracePeriodSeconds: 0,
    };
    await own.createPod("two", spec);
    await own.waitFor("two", "condition=Ready");
    const logs = (...args: readonly string[]) => own.kubectl("logs", "two", "-c", "app", ...args);
    await own.start(["logs", "-f", "two", "-c", "app"]).says(/two/);
    assert.equal(await logs("--tail=1"), "two\n");
    assert.equal(await logs("--tail=0"), "");
    assert.equal(await logs("--limit-bytes=5"), "one\nt");
    const lines = (await logs("--timestamps")).trim().split("\n");
    const times = lines.map((text) => /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (one|two)$/.exec(text));
    assert.deepEqual(
      times.map((match) => match?.[2]),
      ["one", "two"],
    );
    assert.equal(await logs("--since-time=2020-01-01T00:00:00Z"), "one\ntwo\n");
    assert.equal(await logs("--since-time=2999-01-01T00:00:00Z"), "");
    assert.equal(await logs("--since=1h"), "one\ntwo\n");
    const all = await own.kubectl("logs", "two", "--all-containers", "--prefix");
    assert.deepEqual(all.trim().split("\n").toSorted(), [
      "[pod/two/app] one",
      "[pod/two/app] two",
      "[pod/two/side] beside",
    ]);
  });

  test("logs --previous: of the run before, also while the next one waits", async () => {
    const script = "echo run $(cat /n/x 2>/dev/null); echo again >/n/x; exit 1";
    const container = shell("app", script, { volumeMounts: [{ name: "n", mountPath: "/n" }] });
    await own.createPod("crash", { containers: [container], volumes: [{ name: "n", emptyDir: {} }] });
    await own.waitFor("crash", "jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff");
    assert.equal(await own.kubectl("logs", "crash", "--previous"), "run again\n");
    const text = await own.get("pod", "crash", "{.status.containerStatuses[0].state.waiting.message}");
    assert.match(text, /^back-off 10s restarting failed container=app pod=crash_default\([-0-9a-f]+\)$/);
    const refused = await own.start(["logs", "web", "--previous"]).done;
    assert.match(refused.stderr, /previous terminated container "app" in pod "web" not found/);
  });

  test("the kubelet's port: API servers alone may ask, in each of their protocols", async () => {
    const { pki, node } = own.cluster;
    const [stranger, kubelet] = await Promise.all([
      pki.issueClient({ commonName: "somebody", organizations: ["system:masters"] }),
      pki.issueClient({ commonName: "system:node:streams", organizations: ["system:nodes"] }),
    ]);
    const folder = `${node.rootPath}/run/cluster`;
    const { stdout: foreign } = await own.startInNode([
      "sh",
      "-c",
      "cd /run/cluster && openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=kube-apiserver-kubelet-client -keyout foreign.key -out foreign.crt 2>/dev/null && echo made",
    ]).done;
    assert.equal(foreign, "made\n");
    const pairs = { stranger, kubelet, server: pki.kubeletClient };
    for (const [name, { certificate, key }] of Object.entries(pairs)) {
      await writeFile(`${folder}/${name}.crt`, certificate);
      await writeFile(`${folder}/${name}.key`, key);
    }
    const ask = async (name: string | undefined): Promise<string> => {
      const identity =
        name === undefined ? [] : ["--cert", `/run/cluster/${name}.crt`, "--key", `/run/cluster/${name}.key`];
      const argv = [
        "curl",
        "-sS",
        "--cacert",
        "/run/cluster/ca.crt",
        ...identity,
        `https://${OUTSIDE.nodeAddress}:10250/healthz`,
      ];
      const { stdout, stderr } = await own.startInNode(argv).done;
      return stdout + stderr;
    };
    assert.equal(await ask("server"), "ok");

    const exec = async (protocols: string, container = "app") => {
      const command = "command=sh&command=-c&command=read+x;+echo+$x;+echo+err+>%262;+exit+3";
      const url = `wss://${OUTSIDE.nodeAddress}:10250/exec/default/web/${container}?input=1&output=1&error=1&${command}`;
      const script = join(import.meta.dirname, "web-socket-exec.ts");
      const argv = [process.execPath, "--disable-warning=ExperimentalWarning", script, url, protocols, "in\n"];
      const { stdout, stderr } = await own.startInNode(argv).done;
      assert.equal(stderr, "");
      return JSON.parse(stdout);
    };
    for (const [offered, chosen] of [
      ["v5.channel.k8s.io", "v5.channel.k8s.io"],
      ["v4.channel.k8s.io", "v4.channel.k8s.io"],
      ["v4.channel.k8s.io,v5.channel.k8s.io", "v5.channel.k8s.io"],
    ] as const) {
      const { protocol, channels, code } = await exec(offered);
      assert.deepEqual([protocol, channels[1], channels[2], code], [chosen, "in\n", "err\n", 1000], offered);
      const { status, reason, details } = JSON.parse(channels[3]);
      assert.deepEqual(
        [status, reason, details.causes],
        ["Failure", "NonZeroExitCode", [{ reason: "ExitCode", message: "3" }]],
      );
    }
    assert.deepEqual(await exec("v5.channel.k8s.io", "nobody"), { refused: 404 });
    assert.deepEqual(await exec("v9.channel.k8s.io"), { refused: 403 });
    assert.match(await ask("stranger"), /^Forbidden \(user=somebody, verb=get, resource=nodes, subresource=proxy\)/);
    assert.match(await ask("kubelet"), /^Forbidden \(user=system:node:streams,/);
    assert.match(await ask("foreign"), /^curl: \(\d+\)/);
    assert.match(await ask(undefined), /^curl: \(\d+\)/);
  });
});

/** Without what enters the node, which the shell is in already. */
function shellLine(argv: readonly string[]): string {
  return argv
    .slice(argv.indexOf("--") + 1)
    .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
    .join(" ");
}
