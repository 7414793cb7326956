import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCgroupHierarchies } from "./cgroups.ts";

const machines: readonly {
  readonly what: string;
  readonly mountinfo: string;
  readonly hierarchies: ReturnType<typeof parseCgroupHierarchies>;
}[] = [
  {
    what: "v2",
    mountinfo: "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n",
    hierarchies: [{ mountPoint: "/sys/fs/cgroup", controllers: [] }],
  },
  {
    what: "v1 and v2 side by side",
    mountinfo: `22 27 0:21 / /proc rw,relatime - proc proc rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:4 master:1 - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
42 27 0:38 / /somewhere/else rw,relatime - cgroup2 cgroup2 rw
`,
    hierarchies: [
      { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["cpu", "cpuacct"] },
      { mountPoint: "/sys/fs/cgroup/cpuset", controllers: ["cpuset"] },
      { mountPoint: "/sys/fs/cgroup/systemd", controllers: ["name=systemd"] },
      { mountPoint: "/sys/fs/cgroup/unified", controllers: [] },
    ],
  },
  { what: "no cgroups", mountinfo: "22 27 0:21 / /proc rw,relatime - proc proc rw\n", hierarchies: [] },
];

for (const { what, mountinfo, hierarchies } of machines) {
  test(`parseCgroupHierarchies reads a machine with ${what}`, () => {
    assert.deepEqual(parseCgroupHierarchies(mountinfo), hierarchies);
  });
}
