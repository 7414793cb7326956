/** kubectl delete, with all that hangs on an object, and wait. */
import type { CaseGroup } from "../case-table.ts";

const pod = (name: string, labels: string) => ({
  run: `run ${name} --image=app:1 --labels=${labels}`,
  stdout: `pod/${name} created`,
});
const FORCED =
  "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.";
/** kubectl may add what its library thinks of watches that last less than a second. */
const TIMED_OUT = /^(I\d+ .*very short watch.*\n)*error: timed out waiting for the condition on pods\/four\n$/;

export const remove: CaseGroup = {
  name: "remove",
  files: {
    "map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n",
    "finalized.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: held\n  finalizers:\n  - example.com/hold\n",
  },
  steps: [
    pod("one", "app=some"),
    pod("two", "app=some"),
    pod("three", "app=other"),
    pod("four", "stubborn=yes"),
    {
      run: "wait --for=condition=Ready pods --all",
      stdout: "pod/four condition met\npod/one condition met\npod/three condition met\npod/two condition met",
    },
    { run: "delete pod one --dry-run=server", stdout: `pod "one" deleted (server dry run)` },
    { run: "delete pod one --dry-run=client", stdout: `pod "one" deleted (dry run)` },
    { run: "delete pod one", stdout: `pod "one" deleted` },
    { run: "delete pod one", stderr: `Error from server (NotFound): pods "one" not found`, code: 1 },
    { run: "delete pod one --ignore-not-found" },
    { run: "delete pods -l app=some", stdout: `pod "two" deleted` },
    { run: "delete pods -l app=some", stdout: "No resources found" },
    { run: "delete pod/three --now", stdout: `pod "three" deleted` },
    { run: "delete pod four --wait=false", stdout: `pod "four" deleted` },
    {
      run: "get pod four",
      stdout: `
        NAME   READY   STATUS        RESTARTS   AGE
        four   1/1     Terminating   0          {age}`,
    },
    { run: "delete pod four --timeout=1s", stdout: `pod "four" deleted`, stderr: TIMED_OUT, code: 1 },
    { run: "wait --for=delete pod/four --timeout=1s", stderr: TIMED_OUT, code: 1 },
    { run: "delete pod four --force", stdout: `pod "four" force deleted`, stderr: FORCED },
    { run: "get pods", stderr: "No resources found in remove namespace." },
    { run: "delete", stderr: /^error: You must provide one or more resources by argument or filename\.\n/, code: 1 },
    { run: "delete pods", stderr: "error: resource(s) were provided, but no name was specified", code: 1 },
    { run: "delete pods --all", stdout: "No resources found" },

    { run: "create deployment web --image=app:1 --replicas=2", stdout: "deployment.apps/web created" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    { run: "delete deployment web --cascade=orphan", stdout: `deployment.apps "web" deleted` },
    {
      run: "get deployments,replicasets",
      stdout: `
        NAME                         DESIRED   CURRENT   READY   AGE
        replicaset.apps/web-{hash}   2         2         2       {age}`,
    },
    { run: "get replicasets -o jsonpath={.items[0].metadata.ownerReferences}", stdout: "" },
    { run: "delete replicasets --all --cascade=foreground", stdout: `replicaset.apps "web-{hash}" deleted` },
    { run: "get pods,replicasets", stderr: "No resources found in remove namespace." },
    { run: "create deployment web --image=app:1 --replicas=2", stdout: "deployment.apps/web created" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    { run: "delete deployment web --cascade=background", stdout: `deployment.apps "web" deleted` },
    { run: "wait --for=delete pods -l app=web", stdout: /^(pod\/web-\w+-\w+ condition met\n){0,2}$/ },
    { run: "get pods,replicasets", stderr: "No resources found in remove namespace." },

    { run: "apply -f map.yaml", stdout: "configmap/settings created" },
    { run: "delete -f map.yaml", stdout: `configmap "settings" deleted` },
    {
      run: "delete -f map.yaml",
      stderr: `Error from server (NotFound): error when deleting "map.yaml": configmaps "settings" not found`,
      code: 1,
    },
    { run: "apply -f finalized.yaml", stdout: "configmap/held created" },
    { run: "delete configmap held --wait=false", stdout: `configmap "held" deleted` },
    { run: "get configmap held -o jsonpath={.metadata.finalizers}", stdout: `["example.com/hold"]` },
    {
      run: `patch configmap held --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'`,
      stdout: "configmap/held patched",
    },
    { run: "get configmap held", stderr: `Error from server (NotFound): configmaps "held" not found`, code: 1 },
    { run: "create configmap a", stdout: "configmap/a created" },
    { run: "create secret generic a", stdout: "secret/a created" },
    { run: "delete configmap/a secret/a", stdout: `configmap "a" deleted\nsecret "a" deleted` },
    { run: "delete configmap a -o name --ignore-not-found" },
    { run: "create service clusterip web --tcp=80", stdout: "service/web created" },
    { run: "delete all --all", stdout: `service "web" deleted` },

    { run: "create namespace remove-me", stdout: "namespace/remove-me created" },
    { run: "create deployment web --image=app:1 -n remove-me", stdout: "deployment.apps/web created" },
    { run: "create configmap settings -n remove-me", stdout: "configmap/settings created" },
    { run: "delete namespace remove-me", stdout: `namespace "remove-me" deleted` },
    {
      run: "get namespace remove-me",
      stderr: `Error from server (NotFound): namespaces "remove-me" not found`,
      code: 1,
    },
    { run: "get pods,deployments,configmaps -n remove-me", stderr: "No resources found in remove-me namespace." },
    {
      run: "delete namespace default",
      stderr: `Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted`,
      code: 1,
    },
  ],
};
