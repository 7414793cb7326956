/** kubectl create in all its forms, run and expose. */
import type { CaseGroup } from "../case-table.ts";

const CONFIG_MAPS = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: one
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: two
`;

export const create: CaseGroup = {
  name: "create",
  files: {
    "maps.yaml": CONFIG_MAPS,
    "unknown-field.yaml":
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: odd\nspec:\n  bogus: 1\n  containers:\n  - name: app\n    image: app\n    imag: x\n",
    "invalid.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: Wrong_Name\nspec:\n  containers:\n  - name: app\n",
    "unknown-kind.yaml": "apiVersion: example.com/v1\nkind: Bogus\nmetadata:\n  name: odd\n",
    "no-namespace.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: lost\n  namespace: nowhere\n",
    "generated.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: made-\n",
    "settings.txt": "one=1\ntwo=2\n",
  },
  steps: [
    { run: "create deployment web --image=app:1 --replicas=2 --port=80", stdout: "deployment.apps/web created" },
    {
      run: "create deployment web --image=app:1",
      stderr: `error: failed to create deployment: deployments.apps "web" already exists`,
      code: 1,
    },
    { run: "create deployment empty --image=app:1 --replicas=0", stdout: "deployment.apps/empty created" },
    { run: "get deployment empty -o jsonpath={.spec.replicas}", stdout: "0" },
    {
      run: "create deployment dry --image=app:1 --dry-run=server -o jsonpath={.spec.progressDeadlineSeconds}",
      stdout: "600",
    },
    { run: "create deployment dry --image=app:1 --dry-run=client", stdout: "deployment.apps/dry created (dry run)" },
    {
      run: "create deployment dry --image=app:1 --dry-run=server",
      stdout: "deployment.apps/dry created (server dry run)",
    },
    { run: "get deployment dry", stderr: `Error from server (NotFound): deployments.apps "dry" not found`, code: 1 },
    { run: "create service clusterip web --tcp=80:8080", stdout: "service/web created" },
    { run: "create service nodeport outside --tcp=80 --node-port=30123", stdout: "service/outside created" },
    {
      run: "create service nodeport taken --tcp=80 --node-port=30123",
      stderr: `error: failed to create NodePort service: Service "taken" is invalid: spec.ports[0].nodePort: Invalid value: 30123: provided port is already allocated`,
      code: 1,
    },
    { run: "create service externalname far --external-name=example.com", stdout: "service/far created" },
    { run: "create service loadbalancer front --tcp=80", stdout: "service/front created" },
    { run: "create service clusterip headless --clusterip=None", stdout: "service/headless created" },
    {
      run: "get services",
      stdout: `
        NAME       TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)        AGE
        far        ExternalName   <none>       example.com   <none>         {age}
        front      LoadBalancer   {ip}         <pending>     80:{n}/TCP     {age}
        headless   ClusterIP      None         <none>        <none>         {age}
        outside    NodePort       {ip}         <none>        80:30123/TCP   {age}
        web        ClusterIP      {ip}         <none>        80/TCP         {age}`,
    },
    {
      run: "create configmap settings --from-env-file=settings.txt",
      stdout: "configmap/settings created",
    },
    {
      run: "create configmap files --from-file=settings.txt --from-literal=key=value",
      stdout: "configmap/files created",
    },
    {
      run: "get configmap settings files",
      stdout: `
        NAME       DATA   AGE
        settings   2      {age}
        files      2      {age}`,
    },
    {
      run: "create configmap settings",
      stderr: `error: failed to create configmap: configmaps "settings" already exists`,
      code: 1,
    },
    { run: "create secret generic password --from-literal=word=hello", stdout: "secret/password created" },
    { run: "get secret password -o jsonpath={.data.word}", stdout: "aGVsbG8=" },
    {
      run: "create secret docker-registry hub --docker-username=a --docker-password=b",
      stdout: "secret/hub created",
    },
    {
      run: "get secrets",
      stdout: `
        NAME       TYPE                             DATA   AGE
        hub        kubernetes.io/dockerconfigjson   1      {age}
        password   Opaque                           1      {age}`,
    },
    { run: "create serviceaccount robot", stdout: "serviceaccount/robot created" },
    { run: "create token robot", stdout: /^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/ },
    {
      run: "create token nobody",
      stderr: `error: failed to create token: serviceaccounts "nobody" not found`,
      code: 1,
    },
    { run: "create token robot --duration=1m", stderr: /may not specify a duration less than 10 minutes/, code: 1 },
    { run: "create job once --image=app:once -- work", stdout: "job.batch/once created" },
    { run: "wait --for=condition=complete job/once", stdout: "job.batch/once condition met" },
    {
      run: "get jobs",
      stdout: `
        NAME   STATUS     COMPLETIONS   DURATION   AGE
        once   Complete   1/1           {age}      {age}`,
    },
    {
      run: "get pods -l job-name=once",
      stdout: `
        NAME            READY   STATUS      RESTARTS   AGE
        once-{suffix}   0/1     Completed   0          {age}`,
    },
    {
      run: "create role reader --verb=get,list --resource=pods",
      stdout: "role.rbac.authorization.k8s.io/reader created",
    },
    {
      run: "create rolebinding readers --role=reader --user=jane --serviceaccount=create:robot",
      stdout: "rolebinding.rbac.authorization.k8s.io/readers created",
    },
    {
      run: "create clusterrole create-viewer --verb=get --resource=nodes,deployments.apps/scale",
      stdout: "clusterrole.rbac.authorization.k8s.io/create-viewer created",
    },
    {
      run: "create clusterrolebinding create-viewers --clusterrole=create-viewer --group=people",
      stdout: "clusterrolebinding.rbac.authorization.k8s.io/create-viewers created",
    },
    {
      run: "get role,rolebinding -o wide",
      stdout: `
        NAME                                    CREATED AT
        role.rbac.authorization.k8s.io/reader   {time}

        NAME                                            ROLE          AGE     USERS   GROUPS   SERVICEACCOUNTS
        rolebinding.rbac.authorization.k8s.io/readers   Role/reader   {age}   jane             create/robot`,
    },
    {
      run: "create pdb guard --selector=app=web --min-available=1",
      stdout: "poddisruptionbudget.policy/guard created",
    },
    {
      run: "create quota limit --hard=pods=1",
      stderr: `error: failed to create quota: the server could not find the requested resource`,
      code: 1,
      gap: "no-resource-quota",
    },
    { run: "create namespace create-more", stdout: "namespace/create-more created" },
    {
      run: "create namespace create-more",
      stderr: `Error from server (AlreadyExists): namespaces "create-more" already exists`,
      code: 1,
    },
    { run: "create -f maps.yaml", stdout: "configmap/one created\nconfigmap/two created" },
    {
      run: "create -f maps.yaml",
      stderr: `
        Error from server (AlreadyExists): error when creating "maps.yaml": configmaps "one" already exists
        Error from server (AlreadyExists): error when creating "maps.yaml": configmaps "two" already exists`,
      code: 1,
    },
    { run: "create -f generated.yaml", stdout: "configmap/made-{suffix} created" },
    {
      run: "create -f - -o name",
      stdin: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"three"}}`,
      stdout: "configmap/three",
    },
    {
      run: "create -f unknown-field.yaml",
      stderr: `Error from server (BadRequest): error when creating "unknown-field.yaml": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.bogus", unknown field "spec.containers[0].imag"`,
      code: 1,
    },
    {
      run: "create -f unknown-field.yaml --validate=warn",
      stdout: "pod/odd created",
      stderr: `
        Warning: unknown field "spec.bogus"
        Warning: unknown field "spec.containers[0].imag"`,
    },
    {
      run: "create -f invalid.yaml",
      stderr: `
        The Pod "Wrong_Name" is invalid: 
        * metadata.name: Invalid value: "Wrong_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        * spec.containers[0].image: Required value`,
      code: 1,
    },
    {
      run: "create -f unknown-kind.yaml",
      stderr: `
        error: resource mapping not found for name: "odd" namespace: "" from "unknown-kind.yaml": no matches for kind "Bogus" in version "example.com/v1"
        ensure CRDs are installed first`,
      code: 1,
    },
    {
      run: "create -f no-namespace.yaml",
      stderr: `Error from server (NotFound): error when creating "no-namespace.yaml": namespaces "nowhere" not found`,
      code: 1,
    },
    { run: "create -f missing.yaml", stderr: `error: the path "missing.yaml" does not exist`, code: 1 },
    {
      run: "run single --image=app:1 --port=80 --labels=app=single,tier=one --expose",
      stdout: "service/single created\npod/single created",
    },
    {
      run: "run single --image=app:1",
      stderr: `Error from server (AlreadyExists): pods "single" already exists`,
      code: 1,
    },
    { run: "run dry --image=app:1 --dry-run=server -o jsonpath={.spec.schedulerName}", stdout: "default-scheduler" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    {
      run: "expose deployment web --name=exposed --port=8080 --target-port=80 --type=NodePort",
      stdout: "service/exposed exposed",
    },
    { run: "expose pod single --port=80 --name=single-pod", stdout: "service/single-pod exposed" },
    { run: "expose service web --port=90 --name=web-too", stdout: "service/web-too exposed" },
    {
      run: "get service exposed single single-pod web-too -o custom-columns=N:.metadata.name,S:.spec.selector,P:.spec.ports[*].targetPort",
      stdout: `
        N            S                         P
        exposed      map[app:web]              80
        single       map[app:single tier:one]  80
        single-pod   map[app:single tier:one]  80
        web-too      map[app:web]              90`,
    },
    {
      run: "expose deployment web --name=exposed --port=8080",
      stderr: `Error from server (AlreadyExists): services "exposed" already exists`,
      code: 1,
    },
    {
      run: "autoscale deployment web --max=3",
      stderr: "Error from server (NotFound): the server could not find the requested resource",
      code: 1,
      gap: "no-autoscaler",
    },
  ],
};
