/** What the server says of itself. */
import assert from "node:assert/strict";
import type { CaseGroup } from "../case-table.ts";

const SERVER_MINOR = 32;

export const discovery: CaseGroup = {
  name: "discovery",
  steps: [
    {
      run: "version",
      stdout: `
        Client Version: v1.{any}
        Kustomize Version: v5.{any}
        Server Version: v1.${SERVER_MINOR}.{any}`,
      stderr: (minor) =>
        Math.abs(minor - SERVER_MINOR) <= 1
          ? ""
          : `WARNING: version difference between client (1.${minor}) and server (1.${SERVER_MINOR}) exceeds the supported minor version skew of +/-1`,
    },
    {
      run: "cluster-info",
      stdout: `
        Kubernetes control plane is running at https://127.0.0.1:{n}

        To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.`,
    },
    {
      run: "api-versions",
      stdout: `
        apiextensions.k8s.io/v1
        apps/v1
        authentication.k8s.io/v1
        authorization.k8s.io/v1
        batch/v1
        coordination.k8s.io/v1
        {lines}
        discovery.k8s.io/v1
        events.k8s.io/v1
        networking.k8s.io/v1
        policy.networking.k8s.io/v1alpha2
        policy/v1
        rbac.authorization.k8s.io/v1
        v1`,
    },
    {
      run: "api-resources --api-group=",
      stdout: `
        NAME              SHORTNAMES   APIVERSION   NAMESPACED   KIND
        configmaps        cm           v1           true         ConfigMap
        endpoints         ep           v1           true         Endpoints
        events            ev           v1           true         Event
        namespaces        ns           v1           false        Namespace
        nodes             no           v1           false        Node
        pods              po           v1           true         Pod
        secrets                        v1           true         Secret
        serviceaccounts   sa           v1           true         ServiceAccount
        services          svc          v1           true         Service`,
      gap: "no-bindings",
    },
    {
      run: "api-resources --api-group=apps -o wide",
      stdout: `
        NAME                  SHORTNAMES  APIVERSION  NAMESPACED  KIND                VERBS                                                       CATEGORIES
        controllerrevisions               apps/v1     true        ControllerRevision  create,delete,deletecollection,get,list,patch,update,watch
        daemonsets            ds          apps/v1     true        DaemonSet           create,delete,deletecollection,get,list,patch,update,watch  all
        deployments           deploy      apps/v1     true        Deployment          create,delete,deletecollection,get,list,patch,update,watch  all
        replicasets           rs          apps/v1     true        ReplicaSet          create,delete,deletecollection,get,list,patch,update,watch  all
        statefulsets          sts         apps/v1     true        StatefulSet         create,delete,deletecollection,get,list,patch,update,watch  all`,
    },
    {
      run: "api-resources --api-group=authorization.k8s.io -o wide",
      stdout: `
        NAME                       SHORTNAMES  APIVERSION                NAMESPACED  KIND                      VERBS   CATEGORIES
        localsubjectaccessreviews              authorization.k8s.io/v1   true        LocalSubjectAccessReview  create
        selfsubjectaccessreviews               authorization.k8s.io/v1   false       SelfSubjectAccessReview   create
        selfsubjectrulesreviews                authorization.k8s.io/v1   false       SelfSubjectRulesReview    create
        subjectaccessreviews                   authorization.k8s.io/v1   false       SubjectAccessReview       create`,
    },
    {
      run: "api-resources --categories=all -o name",
      stdout: `
        pods
        services
        daemonsets.apps
        deployments.apps
        replicasets.apps
        statefulsets.apps
        jobs.batch`,
    },
    {
      run: "api-resources --namespaced=false --verbs=list --api-group=rbac.authorization.k8s.io",
      stdout: `
        NAME                  SHORTNAMES   APIVERSION                     NAMESPACED   KIND
        clusterrolebindings                rbac.authorization.k8s.io/v1   false        ClusterRoleBinding
        clusterroles                       rbac.authorization.k8s.io/v1   false        ClusterRole`,
    },
    {
      run: "explain configmap",
      stdout: `
        KIND:       ConfigMap
        VERSION:    v1

        DESCRIPTION:
        {lines}
        FIELDS:
          apiVersion	<string>
        {lines}
          binaryData	<map[string]string>
        {lines}
          data	<map[string]string>
        {lines}
          immutable	<boolean>
        {lines}
          kind	<string>
        {lines}
          metadata	<ObjectMeta>
        {lines}`,
    },
    {
      run: "explain deployments.spec.strategy.type",
      since: 30,
      stdout: `
        GROUP:      apps
        KIND:       Deployment
        VERSION:    v1

        FIELD: type <string>
        {lines}
        ENUM:
            Recreate
            RollingUpdate

        DESCRIPTION:
        {lines}`,
    },
    {
      run: "explain pods.spec.containers.ports --recursive",
      since: 30,
      stdout: `
        KIND:       Pod
        VERSION:    v1

        FIELD: ports <[]ContainerPort>


        DESCRIPTION:
        {lines}
        FIELDS:
          containerPort	<integer> -required-
          hostIP	<string>
          hostPort	<integer>
          name	<string>
          protocol	<string>
          enum: SCTP, TCP, UDP
        {lines}`,
    },
    {
      run: "explain pods.spec.bogus",
      stdout: "KIND:       Pod\nVERSION:    v1\n\n",
      stderr: `error: field "bogus" does not exist`,
      code: 1,
    },
    {
      run: "explain bogus",
      stderr: `the server doesn't have a resource type "bogus"`,
      code: 1,
    },
    { run: "get --raw /healthz", stdout: "ok" },
    { run: "get --raw /livez", stdout: "ok" },
    { run: "get --raw /readyz?verbose", stdout: "[+]ping ok\n{lines}\nreadyz check passed" },
    { run: "get --raw /version", stdout: /^\{\s*"major":\s*"1",\s*"minor":\s*"32",[^}]*\}\n$/ },
    {
      run: "get --raw /api/v1/namespaces/discovery",
      stdout: /^\{"kind":"Namespace","apiVersion":"v1","metadata":\{"name":"discovery".*\}\n$/,
    },
    {
      run: "get --raw /apis/bogus",
      stderr: "Error from server (NotFound): the server could not find the requested resource",
      code: 1,
    },
    { run: "get bogus", stderr: `error: the server doesn't have a resource type "bogus"`, code: 1 },
    { run: "top nodes", stderr: "error: Metrics API not available", code: 1 },
    { run: "top pods", stderr: "error: Metrics API not available", code: 1 },
    {
      run: "proxy --port=0",
      stdout: "Starting to serve on 127.0.0.1:{n}",
      meanwhile: {
        after: "\n",
        until: "output",
        async act(stdout) {
          const [address] = /127\.0\.0\.1:\d+/.exec(stdout) ?? [];
          const answer = await fetch(`http://${address}/api/v1/namespaces/default`);
          assert.equal(answer.status, 200);
          assert.match(await answer.text(), /"kind":"Namespace"/);
        },
      },
    },
  ],
};
