/** Settings of kubelets from ConfigMaps, which kubelets do not read any more. Source: Kubernetes API reference, core/v1. */
import { field, object, string } from "../../schema/schema.ts";

const configMapNodeConfigSource = object("io.k8s.api.core.v1.ConfigMapNodeConfigSource", "Not used any more.", {
  namespace: field(1, string, "Not used any more.", { required: true }),
  name: field(2, string, "Not used any more.", { required: true }),
  uid: field(3, string, "Not used any more."),
  resourceVersion: field(4, string, "Not used any more."),
  kubeletConfigKey: field(5, string, "Not used any more.", { required: true }),
});

export const nodeConfigSource = object("io.k8s.api.core.v1.NodeConfigSource", "Not used any more.", {
  configMap: field(2, configMapNodeConfigSource, "Not used any more."),
});
