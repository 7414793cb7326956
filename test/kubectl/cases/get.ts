/** kubectl get, but for -w. */
import type { CaseGroup } from "../case-table.ts";

const pods = [
  { name: "alpha", labels: { app: "web", tier: "front", of: "get" }, image: "app:1" },
  { name: "beta", labels: { app: "web", tier: "back", of: "get" }, image: "app:2" },
  { name: "delta", labels: { app: "other" }, image: "app:crash" },
  { name: "gamma", labels: { app: "other" }, image: "app:never" },
].map(({ name, labels, image }) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: { nodeName: "node-1", containers: [{ name: "app", image, ports: [{ containerPort: 80 }] }] },
  }),
);

export const get: CaseGroup = {
  name: "get",
  files: {
    "pods.yaml": pods.map((pod) => `---\n${pod}\n`).join(""),
    "columns.txt": "NAME            IMAGE\n.metadata.name  .spec.containers[0].image\n",
  },
  steps: [
    { run: "get pods", stderr: "No resources found in get namespace." },
    { run: "get pods -o name" },
    { run: "get pods,services", stderr: "No resources found in get namespace." },
    { run: "get all", stderr: "No resources found in get namespace." },
    { run: "get pods --ignore-not-found" },
    {
      run: "create -f pods.yaml",
      stdout: `
        pod/alpha created
        pod/beta created
        pod/delta created
        pod/gamma created`,
    },
    {
      run: "create service clusterip web --tcp=80:8080",
      stdout: "service/web created",
    },
    {
      run: "wait --for=condition=Ready pod alpha beta",
      stdout: `
        pod/alpha condition met
        pod/beta condition met`,
    },
    {
      run: "wait --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff pod/delta",
      stdout: "pod/delta condition met",
    },
    {
      run: "wait --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff pod/gamma",
      stdout: "pod/gamma condition met",
    },
    {
      run: "get pods",
      stdout: `
        NAME    READY   STATUS             RESTARTS        AGE
        alpha   1/1     Running            0               {age}
        beta    1/1     Running            0               {age}
        delta   0/1     CrashLoopBackOff   3 ({age} ago)   {age}
        gamma   0/1     ImagePullBackOff   0               {age}`,
    },
    {
      run: "get pods -o wide",
      stdout: `
        NAME    READY   STATUS             RESTARTS        AGE     IP     NODE     NOMINATED NODE   READINESS GATES
        alpha   1/1     Running            0               {age}   {ip}   node-1   <none>           <none>
        beta    1/1     Running            0               {age}   {ip}   node-1   <none>           <none>
        delta   0/1     CrashLoopBackOff   3 ({age} ago)   {age}   {ip}   node-1   <none>           <none>
        gamma   0/1     ImagePullBackOff   0               {age}   {ip}   node-1   <none>           <none>`,
    },
    {
      run: "get pod alpha",
      stdout: `
        NAME    READY   STATUS    RESTARTS   AGE
        alpha   1/1     Running   0          {age}`,
    },
    {
      run: "get pod/alpha po/beta --no-headers",
      stdout: `
        alpha   1/1   Running   0     {age}
        beta    1/1   Running   0     {age}`,
    },
    {
      run: "get pods -l app=web --show-labels",
      stdout: `
        NAME    READY   STATUS    RESTARTS   AGE     LABELS
        alpha   1/1     Running   0          {age}   app=web,of=get,tier=front
        beta    1/1     Running   0          {age}   app=web,of=get,tier=back`,
    },
    {
      run: "get pods -L app,tier --sort-by=.spec.containers[0].image",
      stdout: `
        NAME    READY   STATUS             RESTARTS        AGE     APP     TIER
        alpha   1/1     Running            0               {age}   web     front
        beta    1/1     Running            0               {age}   web     back
        delta   0/1     CrashLoopBackOff   3 ({age} ago)   {age}   other
        gamma   0/1     ImagePullBackOff   0               {age}   other`,
    },
    {
      run: "get pods -l 'app in (web, other),tier!=back,tier' -o name",
      stdout: "pod/alpha",
    },
    { run: "get pods -l '!tier' -o name", stdout: "pod/delta\npod/gamma" },
    { run: "get pods -l app=nobody", stderr: "No resources found in get namespace." },
    {
      run: "get pods --chunk-size=2 -o custom-columns=N:.metadata.name,P:.status.phase,X:.metadata.bogus",
      stdout: `
        N       P         X
        alpha   Running   <none>
        beta    Running   <none>
        delta   Running   <none>
        gamma   Pending   <none>`,
    },
    {
      run: "get pods --chunk-size=3 --no-headers",
      stdout: `
        alpha   1/1   Running            0               {age}
        beta    1/1   Running            0               {age}
        delta   0/1   CrashLoopBackOff   3 ({age} ago)   {age}
        gamma   0/1   ImagePullBackOff   0               {age}`,
    },
    {
      run: "get pods -l tier -o custom-columns-file=columns.txt",
      stdout: `
        NAME    IMAGE
        alpha   app:1
        beta    app:2`,
    },
    {
      run: `get pods -o jsonpath='{range .items[*]}{.metadata.name}={.status.phase}{"\\n"}{end}'`,
      stdout: "alpha=Running\nbeta=Running\ndelta=Running\ngamma=Pending",
    },
    { run: "get pod alpha -o jsonpath={.spec.dnsPolicy}/{.status.qosClass}", stdout: "ClusterFirst/BestEffort" },
    { run: "get pod alpha -o go-template={{.kind}}/{{.metadata.namespace}}", stdout: "Pod/get" },
    {
      run: "get pods --field-selector status.phase=Running,metadata.name!=beta -o name",
      stdout: "pod/alpha\npod/delta",
    },
    { run: "get pods --field-selector spec.nodeName=node-2", stderr: "No resources found in get namespace." },
    {
      run: "get pods --field-selector spec.bogus=1",
      stderr: `Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "", field selector "spec.bogus=1": field label not supported: spec.bogus`,
      code: 1,
    },
    {
      run: "get pods -l 'a b'",
      stderr: `Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "a b", field selector "": unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt`,
      code: 1,
    },
    {
      run: "get pods -A -l of=get",
      stdout: `
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        get         alpha   1/1     Running   0          {age}
        get         beta    1/1     Running   0          {age}`,
    },
    {
      run: "get pods -A --field-selector metadata.namespace=get -o name",
      stdout: "pod/alpha\npod/beta\npod/delta\npod/gamma",
    },
    { run: "get pod nobody", stderr: `Error from server (NotFound): pods "nobody" not found`, code: 1 },
    {
      run: "get pod alpha nobody -o name",
      stdout: "pod/alpha",
      stderr: `Error from server (NotFound): pods "nobody" not found`,
      code: 1,
    },
    { run: "get pod nobody --ignore-not-found" },
    { run: "get deploy nobody", stderr: `Error from server (NotFound): deployments.apps "nobody" not found`, code: 1 },
    { run: "get pods -n nowhere", stderr: "No resources found in nowhere namespace." },
    {
      run: "get pods,svc -l 'app in (web)'",
      stdout: `
        NAME        READY   STATUS    RESTARTS   AGE
        pod/alpha   1/1     Running   0          {age}
        pod/beta    1/1     Running   0          {age}

        NAME          TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
        service/web   ClusterIP   {ip}         <none>        80/TCP    {age}`,
    },
    {
      run: "get all -l tier!=back",
      stdout: `
        NAME        READY   STATUS             RESTARTS        AGE
        pod/alpha   1/1     Running            0               {age}
        pod/delta   0/1     CrashLoopBackOff   3 ({age} ago)   {age}
        pod/gamma   0/1     ImagePullBackOff   0               {age}

        NAME          TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
        service/web   ClusterIP   {ip}         <none>        80/TCP    {age}`,
    },
    {
      run: "get svc web -o wide",
      stdout: `
        NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE     SELECTOR
        web    ClusterIP   {ip}         <none>        80/TCP    {age}   app=web`,
    },
    {
      run: "wait --for=jsonpath={.subsets[0].addresses[1].nodeName}=node-1 endpoints/web",
      stdout: "endpoints/web condition met",
    },
    {
      run: "wait --for=jsonpath={.endpoints[1].nodeName}=node-1 endpointslice -l kubernetes.io/service-name=web",
      stdout: "endpointslice.discovery.k8s.io/web-{suffix} condition met",
    },
    {
      run: "get endpoints web",
      stdout: `
        NAME   ENDPOINTS                 AGE
        web    {ip}:8080,{ip}:8080       {age}`,
    },
    {
      run: "get endpointslices -l kubernetes.io/service-name=web",
      stdout: `
        NAME           ADDRESSTYPE   PORTS   ENDPOINTS     AGE
        web-{suffix}   IPv4          8080    {ip},{ip}     {age}`,
    },
    {
      run: "get nodes -l pool=general",
      stdout: `
        NAME     STATUS   ROLES    AGE     VERSION
        node-1   Ready    <none>   {age}   v1.32.4
        node-2   Ready    <none>   {age}   v1.32.4`,
    },
    {
      run: "get node node-1 -o wide",
      stdout: `
        NAME     STATUS   ROLES    AGE     VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE        KERNEL-VERSION   CONTAINER-RUNTIME
        node-1   Ready    <none>   {age}   v1.32.4   127.0.0.1     <none>        Test Linux 12   6.1.0            containerd://1.7.0`,
    },
    {
      run: "get namespace get kube-system",
      stdout: `
        NAME          STATUS   AGE
        get           Active   {age}
        kube-system   Active   {age}`,
    },
    {
      run: "get lease -n kube-node-lease node-1",
      stdout: `
        NAME     HOLDER   AGE
        node-1   node-1   {age}`,
    },
    {
      run: "get cm,sa,secret",
      stdout: `
        NAME                         DATA   AGE
        configmap/kube-root-ca.crt   1      {age}

        NAME                     SECRETS   AGE
        serviceaccount/default   0         {age}`,
    },
    {
      run: "get pods --server-print=false",
      stdout: `
        NAME    AGE
        alpha   {age}
        beta    {age}
        delta   {age}
        gamma   {age}`,
    },
    {
      run: "get clusterrole view",
      stdout: `
        NAME   CREATED AT
        view   {time}`,
    },
    {
      run: "get clusterrolebinding cluster-admin -o wide",
      stdout: `
        NAME            ROLE                        AGE     USERS   GROUPS           SERVICEACCOUNTS
        cluster-admin   ClusterRole/cluster-admin   {age}           system:masters`,
    },
    {
      run: "get pods -o bogus",
      stderr: /^error: unable to match a printer suitable for the output format "bogus", allowed formats are: /,
      code: 1,
    },
  ],
};
