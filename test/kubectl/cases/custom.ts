/** Kinds that a CustomResourceDefinition brings. */
import type { CaseGroup } from "../case-table.ts";

const DEFINITION = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: pools.custom.test
spec:
  group: custom.test
  scope: Namespaced
  names:
    plural: pools
    singular: pool
    kind: Pool
    shortNames: [pl]
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
    additionalPrinterColumns:
    - name: CIDR
      type: string
      jsonPath: .spec.cidr
    - name: Ready
      type: boolean
      jsonPath: .status.ready
    - name: Blocks
      type: integer
      jsonPath: .spec.blocks
      priority: 1
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            description: What the pool should be.
            type: object
            required: [cidr]
            properties:
              cidr:
                type: string
                pattern: '^[0-9.]+/[0-9]+$'
              blocks:
                type: integer
                minimum: 1
                default: 4
          status:
            type: object
            properties:
              ready:
                type: boolean
`;

const POOL = "apiVersion: custom.test/v1\nkind: Pool\nmetadata:\n  name: one\nspec:\n  cidr: 10.0.0.0/8\n";

export const custom: CaseGroup = {
  name: "custom",
  files: {
    "definition.yaml": DEFINITION,
    "pool.yaml": POOL,
    "odd.yaml": `${POOL}  bogus: 1\n`,
    "invalid.yaml": POOL.replace("10.0.0.0/8", "ten"),
  },
  steps: [
    {
      run: "apply -f pool.yaml",
      stderr: `
        error: resource mapping not found for name: "one" namespace: "" from "pool.yaml": no matches for kind "Pool" in version "custom.test/v1"
        ensure CRDs are installed first`,
      code: 1,
    },
    {
      run: "apply -f definition.yaml",
      stdout: "customresourcedefinition.apiextensions.k8s.io/pools.custom.test created",
    },
    {
      run: "wait --for=condition=Established crd/pools.custom.test",
      stdout: "customresourcedefinition.apiextensions.k8s.io/pools.custom.test condition met",
    },
    {
      run: "get crd pools.custom.test",
      stdout: `
        NAME                CREATED AT
        pools.custom.test   {time}`,
    },
    {
      run: "api-resources --api-group=custom.test",
      stdout: `
        NAME    SHORTNAMES   APIVERSION       NAMESPACED   KIND
        pools   pl           custom.test/v1   true         Pool`,
    },
    { run: "get pools", stderr: "No resources found in custom namespace." },
    { run: "apply -f pool.yaml", stdout: "pool.custom.test/one created" },
    { run: "apply -f pool.yaml", stdout: "pool.custom.test/one unchanged" },
    {
      run: "get pl",
      stdout: `
        NAME   CIDR         READY
        one    10.0.0.0/8`,
    },
    {
      run: "apply -f odd.yaml",
      stderr:
        /^The request is invalid: patch: Invalid value: "\{.*\}": strict decoding error: unknown field "spec\.bogus"\n$/,
      code: 1,
    },
    {
      run: "apply -f invalid.yaml",
      stderr: `The Pool "one" is invalid: spec.cidr: Invalid value: "ten": spec.cidr in body should match '^[0-9.]+/[0-9]+$'`,
      code: 1,
    },
    {
      run: `patch pool one --type=merge -p '{"spec":{"blocks":0}}'`,
      stderr: `The Pool "one" is invalid: spec.blocks: Invalid value: 0: spec.blocks in body should be greater than or equal to 1`,
      code: 1,
    },
    {
      run: `patch pool one -p '{"spec":{"blocks":2}}'`,
      stderr:
        "error: application/strategic-merge-patch+json is not supported by custom.test/v1, Kind=Pool: the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
      code: 1,
    },
    {
      run: `patch pool one --subresource=status --type=merge -p '{"status":{"ready":true}}'`,
      stdout: "pool.custom.test/one patched",
    },
    {
      run: "get pools -o wide",
      stdout: `
        NAME   CIDR         READY   BLOCKS
        one    10.0.0.0/8   true    4`,
    },
    {
      run: "describe pool one",
      stdout: `
        Name:         one
        Namespace:    custom
        Labels:       <none>
        Annotations:  <none>
        API Version:  custom.test/v1
        Kind:         Pool
        Metadata:
          Creation Timestamp:  {time}
          Generation:          1
          Resource Version:    {rv}
          UID:                 {uid}
        Spec:
          Blocks:  4
          Cidr:    10.0.0.0/8
        Status:
          Ready:  true
        Events:   <none>`,
    },
    {
      run: "explain pool.spec",
      stdout:
        /^GROUP: +custom\.test\nKIND: +Pool\n[\s\S]*What the pool should be\.[\s\S]*blocks\t<integer>[\s\S]*cidr\t<string> -required-/,
    },
    { run: "label pool one a=b", stdout: "pool.custom.test/one labeled" },
    { run: "get pools -l a=b -o name", stdout: "pool.custom.test/one" },
    {
      run: "scale pool one --replicas=1",
      stderr: "Error from server (NotFound): the server could not find the requested resource",
      code: 1,
    },
    { run: "delete pool one", stdout: `pool.custom.test "one" deleted` },
    {
      run: "delete crd pools.custom.test",
      stdout: `customresourcedefinition.apiextensions.k8s.io "pools.custom.test" deleted`,
    },
    {
      run: "get pools.v1.custom.test",
      stderr:
        /^(Error from server \(NotFound\): Unable to list "custom\.test\/v1, Resource=pools": the server could not find the requested resource|error: the server doesn't have a resource type "pools")\n$/,
      code: 1,
    },
  ],
};
