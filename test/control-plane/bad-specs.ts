/** Specifications that contradict themselves or the cluster: prefixes, selectors, quantities, ports, addresses. */
import {
  type BadCase,
  type Cause,
  container,
  deployment,
  forbidden,
  invalid,
  invalidObject,
  networkPolicy,
  PATHS,
  pod,
  post,
  required,
  service,
  unsupported,
} from "./bad-input.ts";
import { type Row, titled } from "./bad-messages.ts";

const { pods, services, nodes, deployments, networkPolicies } = PATHS;

const CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
const PORT = "must be between 1 and 65535, inclusive";
const policy = (title: string, spec: object, ...causes: readonly Cause[]): Row => [
  title,
  post(networkPolicies, networkPolicy(spec)),
  invalidObject('NetworkPolicy.networking.k8s.io "x"', ...causes),
];
const from = (...peers: readonly object[]) => ({ ingress: [{ from: peers }] });

const specs: readonly Row[] = [
  policy(
    "a prefix that is too long",
    from({ ipBlock: { cidr: "10.0.0.0/33" } }),
    invalid("spec.ingress[0].from[0].ipBlock.cidr", `"10.0.0.0/33": ${CIDR}`),
  ),
  policy("a block without a prefix", from({ ipBlock: {} }), required("spec.ingress[0].from[0].ipBlock.cidr")),
  policy(
    "an exception outside of its prefix",
    from({ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/8"] } }),
    invalid("spec.ingress[0].from[0].ipBlock.except[0]", '"11.0.0.0/8": must be a strict subset of `cidr`'),
  ),
  policy(
    "peers that are none or two",
    from({}, { ipBlock: { cidr: "10.0.0.0/8" }, podSelector: {} }),
    required("spec.ingress[0].from[0]", "must specify a peer"),
    forbidden("spec.ingress[0].from[1]", "may not specify both ipBlock and another peer"),
  ),
  policy(
    "a range of ports that ends before it begins",
    { ingress: [{ ports: [{ port: 5, endPort: 4 }] }] },
    invalid("spec.ingress[0].ports[0].endPort", "4: must be greater than or equal to `port`"),
  ),
  policy(
    "a direction that is none",
    { policyTypes: ["Both"] },
    unsupported("spec.policyTypes[0]", "Both", "Egress", "Ingress"),
  ),
  policy(
    "selectors with values that are missing or too many",
    {
      podSelector: {
        matchExpressions: [
          { key: "b", operator: "In" },
          { key: "c", operator: "Exists", values: ["x"] },
        ],
      },
    },
    required("spec.podSelector.matchExpressions[0].values", "must be specified when `operator` is 'In' or 'NotIn'"),
    forbidden(
      "spec.podSelector.matchExpressions[1].values",
      "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ),
  ),
  [
    "the prefix of a Node",
    post(nodes, { metadata: { name: "x" }, spec: { podCIDR: "10.0.0.0" } }),
    { ...invalidObject('Node "x"'), message: /spec\.podCIDR: Invalid value: "10\.0\.0\.0"/ },
  ],
  [
    "a selector that is not the template's",
    post(deployments, deployment({ selector: { matchLabels: { a: "c" } } })),
    invalidObject(
      'Deployment.apps "x"',
      invalid("spec.template.metadata.labels", '{"a":"b"}: `selector` does not match template `labels`'),
    ),
  ],
  [
    "no selector",
    post(deployments, deployment({ selector: undefined })),
    invalidObject('Deployment.apps "x"', required("spec.selector")),
  ],
  [
    "fewer than no replicas",
    post(deployments, deployment({ replicas: -1 })),
    invalidObject('Deployment.apps "x"', invalid("spec.replicas", "-1: must be greater than or equal to 0")),
  ],
  [
    "a strategy that is none",
    post(deployments, deployment({ strategy: { type: "Fast" } })),
    invalidObject('Deployment.apps "x"', unsupported("spec.strategy.type", "Fast", "Recreate", "RollingUpdate")),
  ],
  [
    "a negative quantity",
    post(pods, container({ resources: { requests: { cpu: "-1" } } })),
    invalidObject(
      'Pod "x"',
      invalid("spec.containers[0].resources.requests[cpu]", '"-1": must be greater than or equal to 0'),
    ),
  ],
  [
    "a request beyond its limit",
    post(pods, container({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } })),
    invalidObject(
      'Pod "x"',
      invalid("spec.containers[0].resources.requests", '"2": must be less than or equal to cpu limit of 1'),
    ),
  ],
  ["no containers", post(pods, pod({ containers: [] })), invalidObject('Pod "x"', required("spec.containers"))],
  [
    "two containers of one name",
    post(
      pods,
      pod({
        containers: [
          { name: "c", image: "i" },
          { name: "c", image: "i" },
        ],
      }),
    ),
    invalidObject('Pod "x"', ["FieldValueDuplicate", "spec.containers[1].name", 'Duplicate value: "c"']),
  ],
  [
    "a mount of no volume",
    post(pods, container({ volumeMounts: [{ name: "v", mountPath: "/v" }] })),
    invalidObject('Pod "x"', ["FieldValueNotFound", "spec.containers[0].volumeMounts[0].name", 'Not found: "v"']),
  ],
  [
    "a probe without a handler",
    post(pods, container({ livenessProbe: {} })),
    invalidObject('Pod "x"', required("spec.containers[0].livenessProbe", "must specify a handler type")),
  ],
  [
    "a restart policy that is none",
    post(pods, pod({ restartPolicy: "Sometimes" })),
    invalidObject('Pod "x"', unsupported("spec.restartPolicy", "Sometimes", "Always", "Never", "OnFailure")),
  ],
  [
    "a port beyond 65535",
    post(services, service({ ports: [{ port: 70_000, targetPort: 80 }] })),
    invalidObject('Service "x"', invalid("spec.ports[0].port", `70000: ${PORT}`)),
  ],
  [
    "two ports without names",
    post(services, service({ ports: [{ port: 80 }, { port: 81 }] })),
    invalidObject('Service "x"', required("spec.ports[0].name"), required("spec.ports[1].name")),
  ],
  [
    "a protocol that is none",
    post(services, service({ ports: [{ port: 80, protocol: "HTTP" }] })),
    invalidObject('Service "x"', unsupported("spec.ports[0].protocol", "HTTP", "SCTP", "TCP", "UDP")),
  ],
  [
    "an address that is none",
    post(services, service({ clusterIP: "10.1.2" })),
    invalidObject(
      'Service "x"',
      invalid("spec.clusterIPs[0]", '"10.1.2": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
    ),
  ],
  [
    "an address that is not the cluster's",
    post(services, service({ clusterIP: "1.2.3.4" })),
    invalidObject(
      'Service "x"',
      invalid(
        "spec.clusterIPs",
        '["1.2.3.4"]: failed to allocate IP 1.2.3.4: provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/16',
      ),
    ),
  ],
  [
    "a node port that is out of range",
    post(services, service({ type: "NodePort", ports: [{ port: 80, nodePort: 80 }] })),
    invalidObject(
      'Service "x"',
      invalid(
        "spec.ports[0].nodePort",
        "80: provided port is not in the valid range. The range of valid ports is 30000-32767",
      ),
    ),
  ],
  [
    "a node port where there is none",
    post(services, service({ ports: [{ port: 80, nodePort: 30_000 }] })),
    invalidObject('Service "x"', forbidden("spec.ports[0].nodePort", "may not be used when `type` is 'ClusterIP'")),
  ],
  [
    "a type of Service that is none",
    post(services, service({ type: "Magic" })),
    invalidObject(
      'Service "x"',
      unsupported("spec.type", "Magic", "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
    ),
  ],
];

export const badSpecs: readonly BadCase[] = titled("specification", specs);
