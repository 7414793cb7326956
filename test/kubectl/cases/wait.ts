/** kubectl wait, and get -w: what follows changes. */
import type { CaseGroup } from "../case-table.ts";

/** What kubectl logs at level 6 when the server has begun to answer a watch. */
const WATCHES = /watch=true.*200 OK/;

export const wait: CaseGroup = {
  name: "wait",
  files: { "late.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: late\n" },
  steps: [
    {
      run: "wait --for=condition=Ready pod/nobody",
      stderr: `Error from server (NotFound): pods "nobody" not found`,
      code: 1,
    },
    { run: "wait --for=condition=Ready pods --all", stderr: "error: no matching resources found", code: 1 },
    { run: "wait --for=delete pod/nobody", stdout: "" },
    { run: "create deployment web --image=app:1", stdout: "deployment.apps/web created" },
    { run: "wait --for=condition=Available deployment/web", stdout: "deployment.apps/web condition met" },
    { run: "wait --for=condition=Available=true deployment/web", stdout: "deployment.apps/web condition met" },
    {
      run: "wait --for=condition=Progressing=False deployment/web --timeout=1s",
      stderr: /^(I\d+ .*very short watch.*\n)*error: timed out waiting for the condition on deployments\/web\n$/,
      code: 1,
    },
    {
      run: "wait --for=jsonpath={.status.readyReplicas}=1 deployment/web",
      stdout: "deployment.apps/web condition met",
    },
    {
      run: "wait --for=jsonpath={.status.readyReplicas} deployment/web",
      stdout: "deployment.apps/web condition met",
      since: 31,
    },
    { run: "wait --for=create deployment/web", stdout: "deployment.apps/web condition met", since: 31 },
    {
      run: "wait --for=create configmap/never --timeout=1s",
      stderr: "error: timed out waiting for the condition",
      code: 1,
      since: 31,
    },
    { run: "wait --for=bogus pod --all", stderr: /^error: unrecognized condition: "bogus"\n/, code: 1 },
    {
      run: "get pods -w --output-watch-events --no-headers -l run=seen -v=6",
      stderr: WATCHES,
      stdout: `
        ADDED      seen   0/1     Pending   0     {age}
        MODIFIED   seen   0/1     Pending   0     {age}
        MODIFIED   seen   1/1     Running   0     {age}
        MODIFIED   seen   1/1     Terminating   0     {age}
        DELETED    seen   1/1     Terminating   0     {age}`,
      meanwhile: {
        after: WATCHES,
        steps: [
          { run: "run seen --image=app:1", stdout: "pod/seen created" },
          { run: "wait --for=condition=Ready pod/seen", stdout: "pod/seen condition met" },
          { run: "delete pod seen", stdout: `pod "seen" deleted` },
        ],
        until: "output",
      },
    },
    {
      run: "get configmaps -w",
      stdout: `
        NAME               DATA   AGE
        kube-root-ca.crt   1      {age}
        late               0      {age}
        late               1      {age}
        late               1      {age}`,
      meanwhile: {
        after: "kube-root-ca.crt",
        steps: [
          { run: "apply -f late.yaml", stdout: "configmap/late created" },
          { run: `patch configmap late -p '{"data":{"a":"b"}}'`, stdout: "configmap/late patched" },
          { run: "delete configmap late", stdout: `configmap "late" deleted` },
        ],
        until: "output",
      },
    },
    {
      run: "get deployment web -w --no-headers",
      stdout: `
        web   1/1   1     1     {age}
        web   1/2   1     1     {age}
        {lines}
        web   2/2   2     2     {age}`,
      meanwhile: {
        after: "web",
        steps: [{ run: "scale deployment web --replicas=2", stdout: "deployment.apps/web scaled" }],
        until: "output",
      },
    },
    {
      run: "get configmaps --watch-only -o name -v=6",
      stdout: "configmap/fresh",
      stderr: WATCHES,
      meanwhile: {
        after: WATCHES,
        steps: [{ run: "create configmap fresh", stdout: "configmap/fresh created" }],
        until: "output",
      },
    },
    {
      run: "wait --for=delete configmap/fresh -v=6",
      stdout: "configmap/fresh condition met",
      stderr: WATCHES,
      meanwhile: {
        after: WATCHES,
        steps: [{ run: "delete configmap fresh", stdout: `configmap "fresh" deleted` }],
        until: "end",
      },
    },
    {
      run: "wait --for=create configmap/awaited",
      stdout: "configmap/awaited condition met",
      since: 31,
      meanwhile: {
        after: "",
        steps: [{ run: "create configmap awaited", stdout: "configmap/awaited created" }],
        until: "end",
      },
    },
    { run: "create deployment late --image=app:never", stdout: "deployment.apps/late created" },
    {
      run: "rollout status deployment/late",
      stdout: `{waiting}\ndeployment "late" successfully rolled out`,
      meanwhile: {
        after: "Waiting for",
        steps: [{ run: "set image deployment/late app=app:1", stdout: "deployment.apps/late image updated" }],
        until: "end",
      },
    },
  ],
};
