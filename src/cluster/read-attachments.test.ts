import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { readAttachments } from "./read-attachments.ts";

suite("readAttachments", () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "podwire-attachments-"));
  });
  after(() => rm(root, { recursive: true }));

  test("finds nothing where no pod ever was, and joins the families of a container", async () => {
    assert.deepEqual(await readAttachments(root, () => undefined), []);
    const folder = join(root, "var/lib/cni/networks/cbr0");
    await mkdir(folder, { recursive: true });
    const files = { "10.244.0.2": "a\r\neth0", "fd00:244::2": "a\r\neth0", "10.244.0.3": "b\neth0\n", lock: "" };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    await writeFile(join(folder, "last_reserved_ip.0"), "10.244.0.3");
    const found = await readAttachments(root, (id) => (id === "a" ? "default/web" : undefined));
    assert.deepEqual(
      found
        .toSorted((one, other) => one.containerId.localeCompare(other.containerId))
        .map(({ addresses, ...rest }) => ({
          ...rest,
          addresses: addresses.toSorted(),
        })),
      [
        { containerId: "a", ifname: "eth0", pod: "default/web", addresses: ["10.244.0.2", "fd00:244::2"] },
        { containerId: "b", ifname: "eth0", pod: undefined, addresses: ["10.244.0.3"] },
      ],
    );
  });
});
