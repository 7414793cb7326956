/** kubectl apply, on the client's side and on the server's, and diff. */
import type { CaseGroup } from "../case-table.ts";

const deployment = (replicas: number, image: string, more = "") => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app: web
spec:
  replicas: ${replicas}
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: app
        image: ${image}
        ports:
        - containerPort: 80
${more}---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
`;

const SIDECAR = "      - name: sidecar\n        image: helper:1\n";
const map = (data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n${data}`;

export const apply: CaseGroup = {
  name: "apply",
  files: {
    "one.yaml": deployment(1, "app:1", SIDECAR),
    "two.yaml": deployment(2, "app:2"),
    "wrong.yaml": deployment(2, "app:2").replace(
      "    matchLabels:\n      app: web",
      "    matchLabels:\n      app: other",
    ),
    "strict.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  name: odd\nspec:\n  port: 80\n",
    "map.yaml": map("  a: one\n  b: two\n"),
    "map-less.yaml": map("  a: one\n"),
  },
  steps: [
    { run: "diff -f one.yaml", stdout: /\+kind: Deployment[\s\S]*\+ {2}name: web[\s\S]*\+kind: Service/, code: 1 },
    {
      run: "apply -f one.yaml --dry-run=client",
      stdout: "deployment.apps/web created (dry run)\nservice/web created (dry run)",
    },
    {
      run: "apply -f one.yaml --dry-run=server",
      stdout: "deployment.apps/web created (server dry run)\nservice/web created (server dry run)",
    },
    { run: "apply -f one.yaml", stdout: "deployment.apps/web created\nservice/web created" },
    { run: "apply -f one.yaml", stdout: "deployment.apps/web unchanged\nservice/web unchanged" },
    { run: "diff -f one.yaml" },
    {
      run: "diff -f two.yaml",
      stdout: (minor) =>
        minor > 0
          ? /- {2}generation: 1\n\+ {2}generation: 2[\s\S]*- {2}replicas: 1\n\+ {2}replicas: 2[\s\S]*- {6}- image: app:1\n\+ {6}- image: app:2[\s\S]*- {6}- image: helper:1/
          : "",
      code: 1,
    },
    { run: "apply -f two.yaml", stdout: "deployment.apps/web configured\nservice/web unchanged" },
    {
      run: "get deployment web -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[*].image}/{.metadata.generation}",
      stdout: "2/app:2/2",
    },
    {
      run: "apply -f wrong.yaml",
      stdout: "service/web unchanged",
      stderr: `
        The Deployment "web" is invalid: 
        * spec.template.metadata.labels: Invalid value: {"app":"web"}: \`selector\` does not match template \`labels\`
        * spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable`,
      gap: "values-in-go-syntax",
      code: 1,
    },
    {
      run: "apply -f strict.yaml",
      stderr: `Error from server (BadRequest): error when creating "strict.yaml": Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.port"`,
      code: 1,
    },
    { run: "apply view-last-applied service web -o json", stdout: /"kind": "Service",[\s\S]*"port": 80/ },
    { run: "create configmap plain --from-literal=a=1", stdout: "configmap/plain created" },
    {
      run: "apply -f -",
      stdin: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"plain"},"data":{"b":"2"}}`,
      stdout: "configmap/plain configured",
      stderr:
        "Warning: resource configmaps/plain is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.",
    },
    { run: "get configmap plain -o jsonpath={.data}", stdout: `{"a":"1","b":"2"}` },

    { run: "apply --server-side -f map.yaml", stdout: "configmap/settings serverside-applied" },
    {
      run: "get configmap settings -o yaml --show-managed-fields",
      stdout: `
        apiVersion: v1
        data:
          a: one
          b: two
        kind: ConfigMap
        metadata:
          creationTimestamp: "{time}"
          managedFields:
          - apiVersion: v1
            fieldsType: FieldsV1
            fieldsV1:
              f:data:
                f:a: {}
                f:b: {}
            manager: kubectl
            operation: Apply
            time: "{time}"
          name: settings
          namespace: apply
          resourceVersion: "{rv}"
          uid: {uid}`,
    },
    { run: "apply --server-side -f map-less.yaml", stdout: "configmap/settings serverside-applied" },
    { run: "get configmap settings -o jsonpath={.data}", stdout: `{"a":"one"}` },
    {
      run: "apply --server-side --field-manager=other -f -",
      stdin: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"a":"changed","c":"three"}}`,
      stderr: `
        error: Apply failed with 1 conflict: conflict with "kubectl": .data.a
        Please review the fields above--they currently have other managers. Here
        are the ways you can resolve this warning:
        * If you intend to manage all of these fields, please re-run the apply
          command with the \`--force-conflicts\` flag.
        * If you do not intend to manage all of the fields, please edit your
          manifest to remove references to the fields that should keep their
          current managers.
        * You may co-own fields by updating your manifest to match the existing
          value; in this case, you'll become the manager if the other manager(s)
          stop managing the field (remove it from their configuration).
        See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`,
      code: 1,
    },
    {
      run: "apply --server-side --force-conflicts --field-manager=other -f -",
      stdin: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"a":"changed","c":"three"}}`,
      stdout: "configmap/settings serverside-applied",
    },
    { run: "get configmap settings -o jsonpath={.data}", stdout: `{"a":"changed","c":"three"}` },
    {
      run: "apply --server-side -f two.yaml",
      stdout: "deployment.apps/web serverside-applied\nservice/web serverside-applied",
    },
    {
      run: "apply --server-side -f one.yaml --dry-run=server",
      stdout:
        "deployment.apps/web serverside-applied (server dry run)\nservice/web serverside-applied (server dry run)",
    },
    { run: "scale deployment web --replicas=3", stdout: "deployment.apps/web scaled" },
    {
      run: "apply --server-side -f two.yaml",
      stdout: "service/web serverside-applied",
      stderr:
        /^error: Apply failed with 1 conflict: conflict with "kubectl[\w.]*" with subresource "scale" using apps\/v1: \.spec\.replicas\n/,
      code: 1,
    },
    {
      run: "diff --server-side -f map.yaml --force-conflicts",
      stdout: /- {2}a: changed\n\+ {2}a: one\n\+ {2}b: two\n/,
      code: 1,
    },
  ],
};
