import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { type MachineFacts, overlayFolders, planNodeRoot, shellScript } from "./node-root.ts";

const root = { hostname: "node-a", nodeDir: "/state/node-a", binDir: "/bin-dir", confDir: "/conf-dir" } as const;
const complete: MachineFacts = { missing: {}, hasBpfFs: true };

function script(facts: MachineFacts): readonly string[] {
  return planNodeRoot(root, facts).map((command) => command.join(" "));
}

test("planNodeRoot covers /etc alone on a machine that has every mount point", () => {
  const overlays = script(complete).filter((command) => command.includes("-t overlay"));
  assert.deepEqual(overlays, [
    "mount -n -t overlay -o lowerdir=/etc,upperdir=/run/podwire-node/overlay/etc/upper,workdir=/run/podwire-node/overlay/etc/work overlay /etc",
  ]);
});

test("planNodeRoot covers the closest folder of each missing mount point before it makes them", () => {
  const missing = { "/opt/cni/bin": "/opt", "/etc/cni/net.d": "/etc/cni", "/var/lib/cni": "/var/lib" };
  const commands = script({ ...complete, missing });
  const overlays = commands
    .filter((command) => command.includes("-t overlay"))
    .map((command) => command.split(" ").at(-1));
  assert.deepEqual(overlays, ["/etc", "/opt", "/var/lib"]);
  const made = commands.findIndex((command) => command.startsWith("mkdir -p /opt/cni/bin"));
  assert.ok(made > commands.findLastIndex((command) => command.includes("-t overlay")));
});

const orders: readonly { readonly earlier: RegExp; readonly later: RegExp; readonly why: string }[] = [
  { earlier: /make-rprivate/, later: /tmpfs/, why: "no mount may reach the machine" },
  { earlier: /--rbind \/sys\/fs\/cgroup/, later: /umount -n -l \/sys$/, why: "the cgroup mounts would be lost" },
  {
    earlier: /umount -n -l \/run\/podwire-node\/cgroup/,
    later: /make-rshared/,
    why: "the unmount would reach the copy in use",
  },
  { earlier: /--bind \/bin-dir /, later: /overlay \/etc/, why: "the folder may lie below one that gets covered" },
  { earlier: /cp -R \/state/, later: /--move .* \/run$/, why: "the node's folder may lie in /run" },
];

for (const { earlier, later, why } of orders) {
  test(`planNodeRoot runs ${earlier} before ${later}: ${why}`, () => {
    const commands = script(complete);
    const [a, b] = [earlier, later].map((pattern) => commands.findIndex((command) => pattern.test(command)));
    assert.ok(a !== undefined && b !== undefined && a >= 0 && a < b, commands.join("\n"));
  });
}

test("planNodeRoot takes the node's disk from outside where there is one", () => {
  const mounts = (diskDir?: string) =>
    planNodeRoot({ ...root, diskDir }, complete)
      .map((command) => command.join(" "))
      .filter((command) => / \/disk| \S*\/disk( |$)/.test(command));
  assert.deepEqual(mounts("/disk"), [
    "mkdir /state/node-a/private/podwire-node/bin /state/node-a/private/podwire-node/conf /state/node-a/private/podwire-node/cgroup /state/node-a/private/podwire-node/disk",
    "mount -n --bind /disk /state/node-a/private/podwire-node/disk",
  ]);
  assert.equal(mounts().length, 1);
});

test("planNodeRoot mounts a bpf file system only where the kernel has one", () => {
  assert.ok(script(complete).includes("mount -n -t bpf bpf /sys/fs/bpf"));
  assert.ok(!script({ ...complete, hasBpfFs: false }).some((command) => command.includes("bpf")));
});

test("overlayFolders leaves out folders that lie in another one", () => {
  assert.deepEqual(overlayFolders(["/var/lib/cni", "/etc", "/var/lib", "/etc", "/var/libexec"]), [
    "/etc",
    "/var/lib",
    "/var/libexec",
  ]);
});

test("shellScript hands arguments to commands as they are", () => {
  const argument = 'it\'s $HOME `id` "x" \\ *\n;';
  const output = execFileSync("sh", ["-euc", shellScript([["printf", "%s", argument]])], { encoding: "utf8" });
  assert.equal(output, argument);
});
