/**
 * Settings of the namespaces of an underlay. Some of the host's own would be inherited, so all that matters is set.
 * Source: Documentation/networking/ip-sysctl.rst.
 */

export const LOOPBACK_IFINDEX = 1;

export function namespaceSysctls({ isRouter }: { readonly isRouter: boolean }): Readonly<Record<string, number>> {
  const forwarding = isRouter ? 1 : 0;
  return {
    "net/ipv4/ip_forward": forwarding,
    "net/ipv6/conf/all/forwarding": forwarding,
    // Packets of pods come here too, and no route leads back to them: they are let in, as the evidence they are.
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    // A router that sends hosts to each other directly would hide that a route of theirs is missing.
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
    "net/ipv6/conf/default/accept_dad": 0,
  };
}
