/** What the proxy wants the kernel to have, and how that changes with some Services. Pure. */
import type { IpvsDestination, IpvsServiceKey } from "#kernel/genetlink/ipvs-messages.ts";
import type { ServicePort, ServicePortChanges, ServicePorts } from "#service/service-port.ts";
import {
  type FrontendClaimChanges,
  type FrontendClaims,
  keepClaims,
  ownerOf,
  planClaims,
  usableFrontends,
} from "../frontend-claims.ts";
import type { VirtualService, VirtualServices } from "./plan-virtual-services.ts";
import { type IpvsNode, type OwnedService, type RenderedService, renderFrontends } from "./render-frontends.ts";
import { type ElementChanges, type ElementCounts, planElements, serviceElements } from "./table-elements.ts";

export interface OwnedState {
  readonly node: IpvsNode;
  readonly services: Map<string, OwnedService>;
  readonly claims: FrontendClaims;
  readonly elements: ElementCounts;
  readonly virtual: Map<string, VirtualService>;
}

export function createOwnedState(node: IpvsNode, desired: ServicePorts): OwnedState {
  const state: OwnedState = {
    node,
    services: new Map(),
    claims: new Map(),
    elements: new Map(),
    virtual: new Map(),
  };
  const { claims, services, elements, wanted } = planOwnedUpdate(state, desired);
  keepClaims(state.claims, claims);
  elements.keep();
  for (const [id, service] of services) if (service !== undefined) state.services.set(id, service);
  for (const [text, one] of wanted) state.virtual.set(text, one);
  return state;
}

export interface OwnedUpdate {
  readonly claims: FrontendClaimChanges;
  readonly services: ReadonlyMap<string, OwnedService | undefined>;
  readonly elements: ElementChanges;
  /** Virtual services that are concerned, and those of them that are wanted. */
  readonly texts: ReadonlySet<string>;
  readonly wanted: VirtualServices;
}

export function planOwnedUpdate(state: OwnedState, changes: ServicePortChanges): OwnedUpdate {
  const claims = planClaims(
    state.claims,
    [...changes].map(([id, port]) => {
      const before = state.services.get(id);
      return {
        id,
        before: before === undefined ? [] : usableFrontends(before.port).keys(),
        after: port === undefined ? [] : usableFrontends(port).keys(),
      };
    }),
  );
  const affected = new Set(changes.keys());
  for (const [frontend, claimants] of claims) {
    for (const owner of [ownerOf(state.claims.get(frontend)), ownerOf(claimants)])
      if (owner !== undefined) affected.add(owner);
  }
  const ownerNow = (text: string) => ownerOf(claims.has(text) ? claims.get(text) : state.claims.get(text));
  const services = new Map<string, OwnedService | undefined>();
  for (const id of affected) {
    const port = changes.has(id) ? changes.get(id) : state.services.get(id)?.port;
    services.set(id, port && owned(port, ownerNow));
  }
  const render = (service: OwnedService | undefined): readonly RenderedService[] =>
    service === undefined ? [] : [renderFrontends(service, state.node)];
  const before = [...affected].flatMap((id) => render(state.services.get(id)));
  const after = [...services.values()].flatMap(render);
  const frontends = (rendered: readonly RenderedService[]) => rendered.flatMap((one) => one.frontends);
  const wanted = frontends(after).filter(({ virtual }) => virtual.destinations.length > 0);
  return {
    claims,
    services,
    elements: planElements(state.elements, before.flatMap(serviceElements), after.flatMap(serviceElements)),
    texts: new Set([...frontends(before), ...frontends(after)].map(({ text }) => text)),
    wanted: new Map(wanted.map(({ text, virtual }) => [text, virtual])),
  };
}

function owned(port: ServicePort, owner: (frontend: string) => string | undefined): OwnedService {
  const frontends = [...usableFrontends(port)].filter(([text]) => owner(text) === port.id);
  return { port, frontends: frontends.map(([, frontend]) => frontend) };
}

/** Of some virtual services, those that there are, with the destinations that the kernel has now. */
export function virtualServicesAt(
  texts: Iterable<string>,
  known: VirtualServices,
  listDestinations: (service: IpvsServiceKey) => readonly IpvsDestination[],
): VirtualServices {
  return new Map(
    [...texts].flatMap((text) => {
      const one = known.get(text);
      return one === undefined ? [] : [[text, { ...one, destinations: listDestinations(one.service) }] as const];
    }),
  );
}
