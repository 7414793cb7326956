/** Where kubectl prints something else than with Kubernetes, and why that is left so. The table refers to these. */

export interface KnownGap {
  /** What Kubernetes lets kubectl print, as in expected-text.ts. */
  readonly kubernetes: string;
  readonly reason: string;
}

export const knownGaps: Readonly<Record<string, KnownGap>> = {
  "no-bindings": {
    kubernetes: "{lines}\nbindings  v1  true  Binding\n{lines}",
    reason: "pods are bound through pods/binding; the resource of that name is older and unused",
  },
  "no-resource-quota": {
    kubernetes: "resourcequota/limit created",
    reason: "quotas are not among the kinds of this control plane",
  },
  "no-quota-in-describe": {
    kubernetes: "{lines}\nNo resource quota.\n\nNo LimitRange resource.",
    reason: "neither are LimitRanges; kubectl is silent where the server does not know the kind",
  },
  "no-autoscaler": {
    kubernetes: "horizontalpodautoscaler.autoscaling/web autoscaled",
    reason: "there are no metrics to scale by",
  },
  "values-in-go-syntax": {
    kubernetes: `{lines}
* spec.template.metadata.labels: Invalid value: map[string]string{"app":"web"}: \`selector\` does not match template \`labels\`
{lines}`,
    reason: "values that are not plain are shown as JSON, which says the same to people and programs",
  },
  "template-creation-timestamp": {
    kubernetes: "{lines}\n    metadata:\n      creationTimestamp: null\n{lines}",
    reason: "an artefact of Go's JSON that Kubernetes 1.34 has dropped",
  },
};
