/** host-gw as a data plane; see plan.ts for the packet's path. */
import type { Connectivity } from "../contract.ts";
import { describeOperation } from "../kernel-operation.ts";
import { ownRoutes } from "../peer-routes.ts";
import { observePaths, observeRouteTable } from "../route-table.ts";
import { type NodeKernel, runOperations } from "../run-operations.ts";
import { observeUnderlay, podMtu } from "../underlay.ts";
import { observeHostGw } from "./observe.ts";
import { planHostGw } from "./plan.ts";

const BACKEND = "host-gw";

export function createHostGw(kernel: NodeKernel): Connectivity {
  const { socket } = kernel;
  return {
    backend: BACKEND,
    podMtuBytes: (local) => podMtu(observeUnderlay(socket, local), { 4: 0, 6: 0 }),
    async apply(desired, signal) {
      const { operations, problems } = planHostGw(desired, observeHostGw(socket, desired));
      return { changes: await runOperations(kernel, operations, signal), problems };
    },
    drift(desired) {
      const { operations, problems } = planHostGw(desired, observeHostGw(socket, desired));
      return { changes: operations.map(describeOperation), problems };
    },
    observe: () => observePaths(socket, BACKEND, []),
    [Symbol.asyncDispose]: async () => undefined,
    async remove(signal) {
      const routes = ownRoutes(observeRouteTable(socket), { backend: BACKEND, ownLinks: [] });
      await runOperations(
        kernel,
        routes.map((route) => ({ do: "delete route", route })),
        signal,
      );
    },
  };
}
