/** Who may do what, and what those see who may not. */
import type { CaseGroup } from "../case-table.ts";

const USER_LIST = `
        Resources                                       Non-Resource URLs   Resource Names   Verbs
        selfsubjectreviews.authentication.k8s.io        []                  []               [create]
        selfsubjectaccessreviews.authorization.k8s.io   []                  []               [create]
        selfsubjectrulesreviews.authorization.k8s.io    []                  []               [create]
        pods                                            []                  []               [get list]
        {lines}`;

export const auth: CaseGroup = {
  name: "auth",
  steps: [
    { run: "auth can-i create pods", stdout: "yes" },
    { run: "auth can-i '*' '*' -A", stdout: "yes" },
    { run: "auth can-i create pods --as=jane", stdout: "no", code: 1 },
    { run: "auth can-i get /version --as=jane", stdout: "yes" },
    { run: "auth can-i get pods --subresource=log --as=jane -q", code: 1 },
    {
      run: "create role reader --verb=get,list --resource=pods",
      stdout: "role.rbac.authorization.k8s.io/reader created",
    },
    {
      run: "create rolebinding jane --role=reader --user=jane",
      stdout: "rolebinding.rbac.authorization.k8s.io/jane created",
    },
    { run: "auth can-i list pods --as=jane", stdout: "yes" },
    { run: "auth can-i list pods --as=jane -n default", stdout: "no", code: 1 },
    { run: "auth can-i --list --as=jane", stdout: USER_LIST },
    { run: "get pods --as=jane", stderr: "No resources found in auth namespace." },
    {
      run: "get secrets --as=jane",
      stderr: `Error from server (Forbidden): secrets is forbidden: User "jane" cannot list resource "secrets" in API group "" in the namespace "auth"`,
      code: 1,
    },
    {
      run: "get nodes --as=jane",
      stderr: `Error from server (Forbidden): nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope`,
      code: 1,
    },
    {
      run: "get pods -A --as=jane",
      stderr: `Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope`,
      code: 1,
    },
    {
      run: "delete pod nobody --as=jane",
      stderr: `Error from server (Forbidden): pods "nobody" is forbidden: User "jane" cannot delete resource "pods" in API group "" in the namespace "auth"`,
      code: 1,
    },
    {
      run: "create deployment web --image=app:1 --as=jane",
      stderr: `error: failed to create deployment: deployments.apps is forbidden: User "jane" cannot create resource "deployments" in API group "apps" in the namespace "auth"`,
      code: 1,
    },
    {
      run: "get --raw /metrics --as=jane",
      stderr: `Error from server (Forbidden): forbidden: User "jane" cannot get path "/metrics"`,
      code: 1,
    },
    {
      run: "create clusterrolebinding auth-jane --clusterrole=cluster-admin --user=jane --as=jane",
      stderr: `error: failed to create clusterrolebinding: clusterrolebindings.rbac.authorization.k8s.io is forbidden: User "jane" cannot create resource "clusterrolebindings" in API group "rbac.authorization.k8s.io" at the cluster scope`,
      code: 1,
    },
    {
      run: "auth whoami",
      stdout: `
        ATTRIBUTE                                           VALUE
        Username                                            kubernetes-admin
        Groups                                              [system:masters system:authenticated]
        Extra: authentication.kubernetes.io/credential-id   [X509SHA256={word}]`,
    },
    {
      run: "auth whoami --as=jane --as-group=people",
      stdout: `
        ATTRIBUTE   VALUE
        Username    jane
        Groups      [people system:authenticated]`,
    },
    { run: "config set-credentials stranger --token=bogus", stdout: `User "stranger" set.` },
    {
      run: "get pods --user=stranger",
      stderr: "error: You must be logged in to the server (Unauthorized)",
      code: 1,
    },
    {
      run: "auth can-i list nodes --as=system:serviceaccount:auth:default",
      stdout: "no",
      stderr: "Warning: resource 'nodes' is not namespace scoped\n\n",
      code: 1,
    },
    {
      run: "create clusterrole auth-nodes --verb=list --resource=nodes",
      stdout: "clusterrole.rbac.authorization.k8s.io/auth-nodes created",
    },
    {
      run: "create clusterrolebinding auth-nodes --clusterrole=auth-nodes --serviceaccount=auth:default",
      stdout: "clusterrolebinding.rbac.authorization.k8s.io/auth-nodes created",
    },
    {
      run: "auth can-i list nodes --as=system:serviceaccount:auth:default",
      stdout: "yes",
      stderr: "Warning: resource 'nodes' is not namespace scoped\n\n",
    },
    {
      run: "auth reconcile -f -",
      stdin: `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"reader","namespace":"auth"},"rules":[{"apiGroups":[""],"resources":["pods","services"],"verbs":["get"]}]}`,
      stdout: "role.rbac.authorization.k8s.io/reader reconciled",
      stderr:
        "\treconciliation required update\n\tmissing rules added:\n\t\t{Verbs:[get] APIGroups:[] Resources:[services] ResourceNames:[] NonResourceURLs:[]}",
    },
    {
      run: "create role bad --verb=get --resource=bogus",
      stderr: `the server doesn't have a resource type "bogus"`,
      code: 1,
    },
    {
      run: "create rolebinding ghost --role=nothing --user=jane",
      stdout: "rolebinding.rbac.authorization.k8s.io/ghost created",
    },
  ],
};
