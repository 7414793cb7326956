/** vxlan as a data plane; see plan.ts for the packet's path. */
import { release } from "node:os";
import { type Connectivity, type DesiredNetwork, FAMILIES } from "../contract.ts";
import { describeOperation, type KernelOperation } from "../kernel-operation.ts";
import { ownRoutes } from "../peer-routes.ts";
import { observePaths, observeRouteTable } from "../route-table.ts";
import { type NodeKernel, runOperations } from "../run-operations.ts";
import { observeUnderlay, podMtu } from "../underlay.ts";
import { observeVxlan } from "./observe.ts";
import { planVxlan, type VxlanPlan } from "./plan.ts";
import { VXLAN_OVERHEAD_BYTES, type VxlanOptions, vxlanLinkName, vxlanSettings } from "./vxlan-options.ts";

const BACKEND = "vxlan";

/** Throws RangeError for settings that the kernel cannot take. */
export function createVxlan(kernel: NodeKernel, options: VxlanOptions = {}): Connectivity {
  const { socket } = kernel;
  const settings = vxlanSettings(options, release());
  const ownLinks = FAMILIES.map((family) => vxlanLinkName(family, settings.vni));
  const plan = (desired: DesiredNetwork): VxlanPlan =>
    planVxlan(desired, settings, observeVxlan(kernel, desired, settings));
  return {
    backend: BACKEND,
    podMtuBytes: (local) => podMtu(observeUnderlay(socket, local), VXLAN_OVERHEAD_BYTES, settings.underlayMtuBytes),
    async apply(desired, signal) {
      const { operations, problems } = plan(desired);
      return { changes: await runOperations(kernel, operations, signal), problems };
    },
    drift(desired) {
      const { operations, problems } = plan(desired);
      return { changes: operations.map(describeOperation), problems };
    },
    observe: () => observePaths(socket, BACKEND, ownLinks),
    [Symbol.asyncDispose]: async () => undefined,
    async remove(signal) {
      const table = observeRouteTable(socket);
      const links = table.links.filter(({ name, kind }) => ownLinks.includes(name) && kind?.type === BACKEND);
      const operations: readonly KernelOperation[] = [
        ...ownRoutes(table, { backend: BACKEND, ownLinks }).map((route) => ({ do: "delete route", route }) as const),
        ...links.map(({ name }) => ({ do: "delete link", link: name }) as const),
      ];
      await runOperations(kernel, operations, signal);
    },
  };
}
