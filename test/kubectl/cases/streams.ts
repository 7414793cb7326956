/** Commands that reach through to the node: logs, exec, attach, port-forward, cp. */
import assert from "node:assert/strict";
import type { CaseGroup } from "../case-table.ts";

const LINES = "line 1 of app\nline 2 of app\nline 3 of app";

const TWO_CONTAINERS = `apiVersion: v1
kind: Pod
metadata:
  name: two
spec:
  containers:
  - name: app
    image: app:1
  - name: side
    image: app:1
`;

/** kubectl says where it listens; whoever asks there gets the pod's answer. */
async function askForwarded(stdout: string, path = "/"): Promise<string> {
  const [, port] = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(stdout) ?? [];
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(20_000) });
  return await answer.text();
}

const asksTwice = async (stdout: string): Promise<void> => {
  const answers = await Promise.all([askForwarded(stdout), askForwarded(stdout)]);
  assert.deepEqual(answers, ["hello from port 8080\n", "hello from port 8080\n"]);
};

export const streams: CaseGroup = {
  name: "streams",
  files: { "two.yaml": TWO_CONTAINERS },
  steps: [
    { run: "create deployment web --image=app:1 --port=8080", stdout: "deployment.apps/web created" },
    { run: "create -f two.yaml", stdout: "pod/two created" },
    { run: "run one --image=app:1 --labels=app=one", stdout: "pod/one created" },
    { run: "run broken --image=app:crash", stdout: "pod/broken created" },
    { run: "run missing --image=app:never", stdout: "pod/missing created" },
    {
      run: 'run unbound --image=app:1 --overrides=\'{"spec":{"nodeSelector":{"pool":"nowhere"}}}\'',
      stdout: "pod/unbound created",
    },
    { run: "wait --for=condition=Ready pod/one pod/two", stdout: "pod/one condition met\npod/two condition met" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    {
      run: "wait --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff pod/missing",
      stdout: "pod/missing condition met",
    },
    { run: "wait --for=jsonpath={.status.phase}=Running pod/broken", stdout: "pod/broken condition met" },

    { run: "logs one", stdout: LINES.replaceAll("app", "one") },
    { run: "logs one --tail=1", stdout: "line 3 of one" },
    { run: "logs one --tail=1 --timestamps", stdout: "2026-01-02T03:04:05.000000006Z line 3 of one" },
    { run: "logs one --limit-bytes=6", stdout: "line 1" },
    { run: "logs one --since=1h", stdout: LINES.replaceAll("app", "one") },
    { run: "logs deployment/web", stdout: LINES },
    {
      run: "logs -l app=one --prefix",
      stdout: "[pod/one/one] line 1 of one\n[pod/one/one] line 2 of one\n[pod/one/one] line 3 of one",
    },
    { run: "logs two", stdout: LINES, stderr: `Defaulted container "app" out of: app, side` },
    { run: "logs two -c side --tail=1", stdout: "line 3 of side" },
    {
      run: "logs two --all-containers --tail=1",
      stdout: /^(line 3 of app\nline 3 of side|line 3 of side\nline 3 of app)\n$/,
    },
    { run: "logs two -c other", stderr: "error: container other is not valid for pod two", code: 1 },
    { run: "logs broken --previous --tail=1", stdout: "previous line 3 of broken" },
    {
      run: "logs one -p",
      stderr: `Error from server (BadRequest): previous terminated container "one" in pod "one" not found`,
      code: 1,
    },
    {
      run: "logs missing",
      stderr: `Error from server (BadRequest): container "missing" in pod "missing" is waiting to start: trying and failing to pull image`,
      code: 1,
    },
    { run: "logs unbound" },
    {
      run: "logs nobody",
      stderr: /^(error: e|E)rror from server \(NotFound\): pods "nobody" not found( in namespace "streams")?\n$/,
      code: 1,
    },
    {
      run: "logs -f one",
      stdout: LINES.replaceAll("app", "one"),
      meanwhile: { after: "line 3", steps: [{ run: "delete pod one", stdout: `pod "one" deleted` }], until: "end" },
    },

    { run: "exec two -c app -- echo hello", stdout: "hello" },
    { run: "exec two -- echo hello", stdout: "hello", stderr: `Defaulted container "app" out of: app, side` },
    { run: "exec deployment/web -- echo hello", stdout: "hello" },
    {
      run: "exec two -c app -- sh -c 'echo out; echo err >&2; exit 7'",
      stdout: "out",
      stderr: "err\ncommand terminated with exit code 7",
      code: 7,
    },
    { run: "exec -i two -c side -- cat", stdin: "some\nlines\n", stdout: "some\nlines" },
    {
      run: "exec -i two -c app -- sha256sum",
      stdin: "x".repeat(3_000_000),
      stdout: "e55b8bdf621ddaa8f462c74745db9680d3bb7536a9cf854f8d6668b34a287890  -",
    },
    {
      run: "exec two -c other -- true",
      stderr: "Error from server (BadRequest): container other is not valid for pod two",
      code: 1,
    },
    { run: "exec nobody -- true", stderr: `Error from server (NotFound): pods "nobody" not found`, code: 1 },
    {
      run: "exec unbound -- true",
      stderr: "Error from server (BadRequest): pod unbound does not have a host assigned",
      code: 1,
    },
    { run: "exec two -c app", stderr: "error: you must specify at least one command for the container", code: 1 },

    { run: "attach two -c app", stdout: "this is two", stderr: /./ },
    { run: "attach -i two -c app", stdin: "hello\n", stdout: "this is two\nHELLO", stderr: /./ },
    {
      run: "run talk --image=app:interactive -i --rm --restart=Never",
      stdin: "hello\n",
      stdout: /^(this is talk\nHELLO\n)?pod "talk" deleted\n$/,
      stderr: /./,
    },

    {
      run: "port-forward deployment/web :8080",
      // Without IPv6 there is one line less.
      stdout:
        /^Forwarding from 127\.0\.0\.1:(\d+) -> 8080\n(Forwarding from \[::1\]:\1 -> 8080\n)?(Handling connection for \1\n){2}$/,
      meanwhile: { after: /Forwarding from 127.+\n/, act: asksTwice, until: "output" },
    },
    { run: "expose deployment web --port=80 --target-port=8080", stdout: "service/web exposed" },
    {
      run: "port-forward service/web :80 --address=127.0.0.1",
      stdout: "Forwarding from 127.0.0.1:{n} -> 8080\nHandling connection for {n}\nHandling connection for {n}",
      meanwhile: { after: /Forwarding from 127.+\n/, act: asksTwice, until: "output" },
    },
    {
      run: "port-forward pod/two :81 --address=127.0.0.1",
      stdout: "Forwarding from 127.0.0.1:{n} -> 81\nHandling connection for {n}",
      stderr: /an error occurred forwarding \d+ -> 81: .*connection refused[\s\S]*error: lost connection to pod\n/,
      code: 1,
      meanwhile: {
        after: /Forwarding from 127.+\n/,
        act: (stdout) => assert.rejects(askForwarded(stdout)),
        until: "end",
      },
    },
    {
      run: "port-forward pod/missing :80",
      stderr: "error: unable to forward port because pod is not running. Current status=Pending",
      code: 1,
    },
    { run: "port-forward pod/nobody :80", stderr: `Error from server (NotFound): pods "nobody" not found`, code: 1 },
  ],
};
