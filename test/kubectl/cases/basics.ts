/** One of each way in which kubectl talks to the server: what differs between its versions shows here. */
import assert from "node:assert/strict";
import type { CaseGroup } from "../case-table.ts";
import { untilEvent } from "./until-event.ts";

const MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: one\n";

export const basics: CaseGroup = {
  name: "basics",
  isEssential: true,
  files: {
    "map.yaml": MAP,
    "changed.yaml": MAP.replace("one", "two"),
    "list.yaml": `apiVersion: v1\nkind: List\nitems:\n- ${MAP.trim().replaceAll("\n", "\n  ")}\n`,
  },
  steps: [
    { run: "version -o json", stdout: /"serverVersion": \{[^}]*"minor": "32"/, stderr: /^(WARNING: .*\n)?$/ },
    { run: "api-resources --api-group=policy -o name", stdout: "poddisruptionbudgets.policy" },
    { run: "explain deployment.spec.replicas", stdout: /FIELD: replicas <integer>/ },
    { run: "create deployment web --image=app:1 --port=8080", stdout: "deployment.apps/web created" },
    { run: "create secret generic word --from-literal=a=b", stdout: "secret/word created" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    {
      run: "get deployment web",
      stdout: "NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nweb    1/1     1            1           {age}",
    },
    { run: "apply -f map.yaml", stdout: "configmap/settings created" },
    { run: "apply -f list.yaml", stdout: "configmap/settings unchanged" },
    { run: "apply --server-side -f changed.yaml --force-conflicts", stdout: "configmap/settings serverside-applied" },
    { run: "diff -f map.yaml", stdout: /- {2}a: two\n\+ {2}a: one/, code: 1 },
    { run: "set image deployment/web app=app:2", stdout: "deployment.apps/web image updated" },
    { run: "scale deployment web --replicas=2 --current-replicas=1", stdout: "deployment.apps/web scaled" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    { run: "rollout undo deployment/web", stdout: "deployment.apps/web rolled back" },
    { run: "run one --image=app:1 --labels=app=one", stdout: "pod/one created" },
    { run: "wait --for=condition=Ready pod/one", stdout: "pod/one condition met" },
    untilEvent("one", "Scheduled"),
    { run: "describe pod one", stdout: /^Name: +one\n[\s\S]*Successfully assigned basics\/one to node-\d/ },
    { run: "logs one --tail=1", stdout: "line 3 of one" },
    {
      run: "exec -i one -- sh -c 'cat; exit 7'",
      stdin: "hello\n",
      stdout: "hello",
      stderr: "command terminated with exit code 7",
      code: 7,
    },
    {
      run: "port-forward pod/one :80 --address=127.0.0.1",
      stdout: "Forwarding from 127.0.0.1:{n} -> 80\nHandling connection for {n}",
      meanwhile: {
        after: /Forwarding from 127.+\n/,
        until: "output",
        async act(stdout) {
          const [, port] = /127\.0\.0\.1:(\d+)/.exec(stdout) ?? [];
          const answer = await fetch(`http://127.0.0.1:${port}/`);
          assert.equal(await answer.text(), "hello from port 80\n");
        },
      },
    },
    {
      run: "get pods -w -l app=one --no-headers",
      stdout:
        "one   1/1   Running   0   {age}\none   1/1   Terminating   0   {age}\none   1/1   Terminating   0   {age}",
      meanwhile: { after: "Running", steps: [{ run: "delete pod one", stdout: `pod "one" deleted` }], until: "output" },
    },
    { run: "auth can-i list pods --as=jane", stdout: "no", code: 1 },
    { run: "auth whoami -o jsonpath={.status.userInfo.username}", stdout: "kubernetes-admin" },
    {
      run: "delete deployments,secrets --all",
      stdout: `deployment.apps "web" deleted
secret "word" deleted`,
    },
  ],
};
