/** replace, patch, edit, label, annotate, set. */
import type { CaseGroup } from "../case-table.ts";

const POD = `apiVersion: v1
kind: Pod
metadata:
  name: single
  labels:
    app: single
spec:
  containers:
  - name: app
    image: app:1
`;

export const change: CaseGroup = {
  name: "change",
  files: {
    "pod.yaml": POD,
    "pod-image.yaml": POD.replace("app:1", "app:2"),
    "pod-name.yaml": POD.replace("- name: app", "- name: other"),
    "map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: one\n",
    "stale.yaml": `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  resourceVersion: "1"\ndata:\n  a: two\n`,
    "editor.sh": `#!/bin/sh\nsed -i 's/a: one/a: edited/' "$1"\n`,
    "lazy-editor.sh": "#!/bin/sh\nexit 0\n",
    "wrong-editor.sh": `#!/bin/sh\ngrep -q 'was not valid' "$1" || sed -i 's/image: app:3/image: ""/' "$1"\n`,
  },
  steps: [
    { run: "create -f pod.yaml -f map.yaml", stdout: "pod/single created\nconfigmap/settings created" },
    { run: "create deployment web --image=app:1", stdout: "deployment.apps/web created" },

    { run: "replace -f map.yaml", stdout: "configmap/settings replaced" },
    {
      run: "replace -f pod-image.yaml",
      stdout: "",
      stderr: /^The Pod "single" is invalid: (?:.*\n)*?.*spec: Forbidden: pod updates may not change fields other than/,
      code: 1,
    },
    { run: "replace --force -f pod-name.yaml", stdout: `pod "single" deleted\npod/single replaced` },
    {
      run: "replace -f stale.yaml",
      stderr: `Error from server (Conflict): error when replacing "stale.yaml": Operation cannot be fulfilled on configmaps "settings": the object has been modified; please apply your changes to the latest version and try again`,
      code: 1,
    },
    {
      run: "replace -f -",
      stdin: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"missing"}}`,
      stderr: `Error from server (NotFound): error when replacing "STDIN": configmaps "missing" not found`,
      code: 1,
    },

    { run: `patch pod single -p '{"metadata":{"labels":{"tier":"front"}}}'`, stdout: "pod/single patched" },
    { run: `patch pod single -p '{"metadata":{"labels":{"tier":"front"}}}'`, stdout: "pod/single patched (no change)" },
    {
      run: `patch pod single -p '{"spec":{"containers":[{"name":"other","image":"app:2"}]}}'`,
      stdout: "pod/single patched",
    },
    {
      run: `patch pod single --type=json -p '[{"op":"replace","path":"/spec/containers/0/image","value":"app:3"}]'`,
      stdout: "pod/single patched",
    },
    { run: `patch configmap settings --type=merge -p '{"data":{"b":"two"}}'`, stdout: "configmap/settings patched" },
    {
      run: `patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'`,
      stdout: "scale.autoscaling/web patched",
    },
    {
      run: `patch deployment web --subresource=status --type=merge -p '{"status":{"collisionCount":1}}'`,
      stdout: "deployment.apps/web patched",
    },
    { run: "get deployment web --subresource=status -o jsonpath={.status.collisionCount}", stdout: "1" },
    { run: "get deployment web --subresource=scale -o jsonpath={.kind}/{.spec.replicas}", stdout: "Scale/2" },
    {
      run: "debug single --image=app:1 -c helper --target=other -- sleep 1",
      stdout: /^(Targeting container "other"\..*\n)?$/,
      stderr: /^(Targeting container "other"\..*\n|--profile=legacy is deprecated .*\n)*$/,
    },
    {
      run: "get pod single -o jsonpath={.spec.ephemeralContainers[0].name}/{.spec.ephemeralContainers[0].targetContainerName}",
      stdout: "helper/other",
    },
    {
      run: "get pod single -o jsonpath={.spec.containers[*].image}/{.metadata.labels}",
      stdout: `app:3/{"app":"single","tier":"front"}`,
    },
    {
      run: `patch pod single --type=json -p '[{"op":"remove","path":"/spec/bogus"}]'`,
      stderr: "The request is invalid: the server rejected our request due to an error in our request",
      code: 1,
    },
    {
      run: `patch pod single -p '{"spec":{"nodeName":"node-9"}}'`,
      stderr:
        /^The Pod "single" is invalid: spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`,`spec\.initContainers\[\*\]\.image`,`spec\.activeDeadlineSeconds`,`spec\.tolerations` \(only additions to existing tolerations\),`spec\.terminationGracePeriodSeconds` \(allow it to be set to 1 if it was previously negative\)\n/,
      code: 1,
    },
    { run: "patch pod nobody -p {}", stderr: `Error from server (NotFound): pods "nobody" not found`, code: 1 },
    {
      run: `patch pod single -p '{"spec":{"bogus":1}}'`,
      stdout: "pod/single patched (no change)",
      stderr: `Warning: unknown field "spec.bogus"`,
    },

    {
      run: "edit configmap settings",
      environment: { EDITOR: "$FOLDER/editor.sh" },
      stdout: "configmap/settings edited",
    },
    { run: "get configmap settings -o jsonpath={.data.a}", stdout: "edited" },
    {
      run: "edit configmap settings",
      environment: { EDITOR: "$FOLDER/lazy-editor.sh" },
      stderr: "Edit cancelled, no changes made.",
    },
    {
      run: "edit pod single",
      environment: { EDITOR: "$FOLDER/wrong-editor.sh" },
      stdout: /^(Edit cancelled, no valid changes were saved\.\n)?$/,
      stderr: /^error: pods "single" is invalid\n(?:.*\n)*error: .*\n$/,
      code: 1,
    },

    { run: "label pod single colour=red", stdout: "pod/single labeled" },
    { run: "label pod single colour=red", stdout: "pod/single not labeled" },
    {
      run: "label pod single colour=blue",
      stderr: "error: 'colour' already has a value (red), and --overwrite is false",
      code: 1,
    },
    { run: "label --overwrite pods -l app=single colour=blue", stdout: "pod/single labeled" },
    { run: "label pod single colour-", stdout: "pod/single unlabeled" },
    { run: "label pod single colour-", stdout: `label "colour" not found.\npod/single not labeled` },
    {
      run: "label pod single 'a=b c'",
      stderr:
        /^error: invalid label value: "a=b c": a valid label must be an empty string or consist of alphanumeric characters/,
      code: 1,
    },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    {
      run: "label pods --all checked=yes --dry-run=server",
      stdout: /^pod\/single labeled \(server dry run\)\n(pod\/web-\w+-\w+ labeled \(server dry run\)\n){2}$/,
    },
    { run: "annotate pod single note='some words' other=1", stdout: "pod/single annotated" },
    { run: "annotate pod single other-", stdout: "pod/single annotated" },
    {
      run: "annotate pod single note=x",
      stderr:
        "error: --overwrite is false but found the following declared annotation(s): 'note' already has a value (some words)",
      code: 1,
    },
    { run: "get pod single -o jsonpath={.metadata.annotations.note}", stdout: "some words" },
    { run: "label pod nobody a=b", stderr: `Error from server (NotFound): pods "nobody" not found`, code: 1 },

    { run: "set image deployment/web app=app:2", stdout: "deployment.apps/web image updated" },
    { run: "set image deployment/web app=app:2", stdout: "" },
    { run: "set image deployment/web bogus=app:2", stderr: `error: unable to find container named "bogus"`, code: 1 },
    { run: "set env deployment/web MODE=test LEVEL=2", stdout: "deployment.apps/web env updated" },
    { run: "set env deployment/web --list", stdout: "# Deployment web, container app\nMODE=test\nLEVEL=2" },
    { run: "set env deployment/web LEVEL-", stdout: "deployment.apps/web env updated" },
    {
      run: "set env deployment/web --from=configmap/settings --prefix=S_",
      stdout: "deployment.apps/web env updated",
      stderr: /^(Warning: key (a transferred to A|b transferred to B)\n){2}$/,
    },
    {
      run: "set resources deployment/web --limits=cpu=200m,memory=64Mi --requests=cpu=100m",
      stdout: "deployment.apps/web resource requirements updated",
    },
    { run: "set serviceaccount deployment/web default", stdout: "deployment.apps/web serviceaccount updated" },
    { run: "create service clusterip web --tcp=80", stdout: "service/web created" },
    { run: "set selector service web app=other", stdout: "service/web selector updated" },
    {
      run: "get deployment web -o jsonpath={.spec.template.spec.containers[0].image}/{.spec.template.spec.containers[0].resources}",
      stdout: `app:2/{"limits":{"cpu":"200m","memory":"64Mi"},"requests":{"cpu":"100m"}}`,
    },
    {
      run: "get deployment web -o jsonpath={.spec.template.spec.containers[0].env[*].name}",
      stdout: /^(app )?MODE S_A S_B$|^MODE S_(A|B) S_(A|B)\n?$/,
    },
  ],
};
