/** cordon, drain, taint: what administrators do with nodes. */
import type { CaseGroup } from "../case-table.ts";

const WEB = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      nodeSelector:
        own: nodes
      tolerations:
      - key: group
        operator: Exists
      containers:
      - name: app
        image: app:1
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: each
spec:
  selector:
    matchLabels:
      app: each
  template:
    metadata:
      labels:
        app: each
    spec:
      nodeSelector:
        own: nodes
      tolerations:
      - key: group
        operator: Exists
      containers:
      - name: app
        image: app:1
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
spec:
  minAvailable: 1
  selector:
    matchLabels:
      app: web
`;

const ALONE = `apiVersion: v1
kind: Pod
metadata:
  name: alone
spec:
  nodeName: old
  containers:
  - name: app
    image: app:1
`;

/** In either order. */
const WARNING =
  /Warning: (?:(?:ignoring DaemonSet-managed Pods: nodes\/each-\w{5}|deleting Pods that declare no controller: nodes\/alone)(?:; |\n)){2}/;
/** The second replica waits until the first one's heir is ready, as the budget wants it. */
const RETRY =
  /(?:error when evicting pods\/"web-\w+-\w+" -n "nodes" \(will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget\.\n)*/;

export const nodes: CaseGroup = {
  name: "nodes",
  nodes: ["old", "new"],
  files: { "web.yaml": WEB, "alone.yaml": ALONE },
  steps: [
    { run: "label nodes old new own=nodes", stdout: "node/old labeled\nnode/new labeled" },
    { run: "cordon new", stdout: "node/new cordoned" },
    { run: "cordon new", stdout: "node/new already cordoned" },
    {
      run: "get nodes -l own=nodes",
      stdout: `
        NAME   STATUS                     ROLES    AGE     VERSION
        new    Ready,SchedulingDisabled   <none>   {age}   v1.32.4
        old    Ready                      <none>   {age}   v1.32.4`,
    },
    {
      run: "apply -f web.yaml -f alone.yaml",
      stdout:
        "deployment.apps/web created\ndaemonset.apps/each created\npoddisruptionbudget.policy/web created\npod/alone created",
    },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    { run: "rollout status daemonset/each", stdout: `{waiting}\ndaemon set "each" successfully rolled out` },
    { run: "wait --for=condition=Ready pod/alone", stdout: "pod/alone condition met" },
    {
      run: "get pods -l app=web -o custom-columns=NODE:.spec.nodeName --no-headers",
      stdout: "old\nold",
    },
    {
      run: "wait --for=jsonpath={.status.disruptionsAllowed}=1 pdb/web",
      stdout: "poddisruptionbudget.policy/web condition met",
    },
    {
      run: "get pdb",
      stdout: `
        NAME   MIN AVAILABLE   MAX UNAVAILABLE   ALLOWED DISRUPTIONS   AGE
        web    1               N/A               1                     {age}`,
    },
    {
      run: "drain old --dry-run=client --ignore-daemonsets --force",
      stdout:
        /^node\/old cordoned \(dry run\)\n(?:evicting pod nodes\/[\w-]+ \(dry run\)\n){3}node\/old drained \(dry run\)\n$/,
      stderr: new RegExp(`^${WARNING.source}$`),
    },
    {
      run: "drain old",
      stdout: "node/old cordoned",
      stderr: /^error: unable to drain node "old" due to error: ?\[?cannot delete (.+\n?)+/,
      code: 1,
    },
    { run: "uncordon new", stdout: "node/new uncordoned" },
    {
      run: "drain old --ignore-daemonsets --force",
      stdout:
        /^node\/old already cordoned\n(?:evicting pod nodes\/[\w-]+\n|pod\/[\w-]+ evicted\n)+node\/old drained\n$/,
      stderr: new RegExp(`^${WARNING.source}${RETRY.source}$`),
    },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    {
      run: "get pods -l app=web -o custom-columns=NODE:.spec.nodeName --no-headers",
      stdout: "new\nnew",
    },
    { run: "get pod alone", stderr: `Error from server (NotFound): pods "alone" not found`, code: 1 },
    {
      run: "get node old",
      stdout:
        "NAME   STATUS                     ROLES    AGE     VERSION\nold    Ready,SchedulingDisabled   <none>   {age}   v1.32.4",
    },
    { run: "uncordon old", stdout: "node/old uncordoned" },
    { run: "drain nobody", stderr: `Error from server (NotFound): nodes "nobody" not found`, code: 1 },

    { run: "taint node old dirty=yes:NoSchedule", stdout: "node/old tainted" },
    {
      run: "taint node old dirty=yes:NoSchedule",
      stderr: `error: node old already has dirty taint(s) with same effect(s) and --overwrite is false`,
      code: 1,
    },
    { run: "taint --overwrite node old dirty=no:NoSchedule", stdout: "node/old modified" },
    { run: "get node old -o jsonpath={.spec.taints[*].key}", stdout: "dirty group" },
    { run: "taint node old dirty:NoSchedule-", stdout: "node/old untainted" },
    { run: "taint node old dirty-", stderr: `error: taint "dirty" not found`, code: 1 },
    { run: "taint node old out=now:NoExecute", stdout: "node/old tainted" },
    {
      run: "wait --for=delete pods -l app=each --field-selector spec.nodeName=old",
      stdout: /^(pod\/each-\w+ condition met\n)?$/,
    },
    { run: "taint node old out-", stdout: "node/old untainted" },
    { run: "label node old node-role.kubernetes.io/worker=", stdout: "node/old labeled" },
    { run: "get node old --no-headers", stdout: "old   Ready   worker   {age}   v1.32.4" },
  ],
};
