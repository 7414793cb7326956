/**
 * The network configuration that `podwire install --conf-dir` writes: one bridge, masquerade, host ports.
 * `cniVersion` is the newest that containerd 1.6 and podman 4 understand; newer runtimes choose from `cniVersions`.
 */

export const CONFLIST_NAME = "10-podwire.conflist";

export function formatConflist(subnet: string): string {
  const defaultRoute = subnet.includes(":") ? "::/0" : "0.0.0.0/0";
  const conflist = {
    cniVersion: "1.0.0",
    cniVersions: ["0.4.0", "1.0.0", "1.1.0"],
    name: "podwire",
    plugins: [
      {
        type: "bridge",
        bridge: "podwire0",
        // With `routes` below the pods' default route; `isDefaultGateway` besides it would fail in the reference plugin.
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: "host-local", ranges: [[{ subnet }]], routes: [{ dst: defaultRoute }] },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(conflist, undefined, 2)}\n`;
}
