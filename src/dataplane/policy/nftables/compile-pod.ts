/**
 * A pod's two chains and its elements in the maps. A chain jumps to the policies of the pod, tier by tier: Admin,
 * then NetworkPolicy, whose end is the isolation, or Baseline where no NetworkPolicy isolates the pod. Pure.
 */
import { addressBytes, familyOf, type IpAddress } from "#base/ip-address.ts";
import { concat } from "#kernel/nfnetlink/data-type.ts";
import { mark } from "#kernel/nfnetlink/selectors.ts";
import { clearMarkBits, goto, jump, matchBits, verdict } from "#kernel/nfnetlink/statements.ts";
import type { Direction, DirectionRules, PodDirection, PodRules, PolicyId } from "#policy/rule-model.ts";
import { passes } from "./compile-direction.ts";
import { addressElement, dropRules, guardedSet, PASS_MARK, plain, podMap, selfSet } from "./frame.ts";
import { commentText, podAdminChain, podChain, policyChain } from "./object-names.ts";
import { type Fragment, fragment, type WantedChain, type WantedElement, type WantedRule } from "./table-content.ts";

export type FindDirection = (policy: PolicyId, direction: Direction) => DirectionRules | undefined;

/** `addresses`: those of the pod's that no later pod has. */
export function compilePod(pod: PodRules, addresses: readonly IpAddress[], find: FindDirection): Fragment {
  const egress = compileChains(pod, "egress", find);
  const ingress = compileChains(pod, "ingress", find);
  const isGuarded = egress.length + ingress.length > 0;
  const comment = commentText(pod.pod);
  return fragment({
    chains: [...egress, ...ingress],
    elements: addresses.flatMap((address): readonly WantedElement[] => {
      const family = familyOf(address);
      const bytes = addressBytes(address);
      const element = (direction: Direction, chains: readonly (readonly [string, WantedChain])[]): WantedElement => {
        const [first] = chains;
        const data = first ? { verdict: "goto" as const, chain: first[0] } : { verdict: "accept" as const };
        return { set: podMap(direction, family).set, element: addressElement(address, { data, comment }) };
      };
      return [
        element("egress", egress),
        element("ingress", ingress),
        ...(isGuarded
          ? [
              { set: guardedSet(family).set, element: { key: bytes } },
              { set: selfSet(family).set, element: { key: concat(bytes, bytes) } },
            ]
          : []),
      ];
    }),
  });
}

/** The first one is where the pod's packets start; none when nothing is decided about them. */
function compileChains(
  { pod, ...directions }: PodRules,
  direction: Direction,
  find: FindDirection,
): readonly (readonly [string, WantedChain])[] {
  const rules: PodDirection = directions[direction];
  const admin = known(rules.admin, direction, find);
  const network = known(rules.network, direction, find);
  const baseline = known(rules.baseline, direction, find);
  const isIsolated = rules.network.length > 0;
  if (admin.length === 0 && !isIsolated && baseline.length === 0) return [];
  const main = podChain(pod, direction);
  const isMarked = admin.some(passes);
  const mainRules: readonly WantedRule[] = [
    ...(isMarked ? [plain(clearMarkBits(PASS_MARK))] : []),
    ...(isIsolated
      ? [
          ...network.map((one) => jumpTo(one, policyChain(one.policy, direction))),
          ...dropRules(direction, pod, "isolation"),
        ]
      : [
          ...baseline.map((one) =>
            jumpTo(one, policyChain(one.policy, direction, passes(one) ? "baseline" : undefined)),
          ),
          plain(verdict("accept")),
        ]),
  ];
  if (admin.length === 0) return [[main, { rules: mainRules }]];
  const adminRules: readonly WantedRule[] = [
    ...(isMarked ? [plain(clearMarkBits(PASS_MARK))] : []),
    ...admin.flatMap((one) => [
      jumpTo(one, policyChain(one.policy, direction)),
      ...(passes(one) ? [plain(matchBits(mark, "==", PASS_MARK, PASS_MARK), goto(main))] : []),
    ]),
    plain(goto(main)),
  ];
  return [
    [podAdminChain(pod, direction), { rules: adminRules }],
    [main, { rules: mainRules }],
  ];
}

function known(policies: readonly PolicyId[], direction: Direction, find: FindDirection): readonly DirectionRules[] {
  return policies.flatMap((policy) => find(policy, direction) ?? []);
}

function jumpTo({ policy }: DirectionRules, chain: string): WantedRule {
  return { ...plain(jump(chain)), comment: commentText(policy) };
}
