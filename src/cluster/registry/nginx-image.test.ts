import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILT_IN_IMAGES } from "./built-in-images.ts";
import { dependencyNames } from "./debian-package.ts";
import { librariesOf, nginxImage } from "./nginx-image.ts";

test("dependencyNames takes the first of each choice, without versions and architectures", () => {
  assert.deepEqual(dependencyNames("libc6 (>= 2.34), libssl3t64 | libssl3 (>= 3.0.0), iproute2:any\n"), [
    "libc6",
    "libssl3t64",
    "iproute2",
  ]);
  assert.deepEqual(dependencyNames(""), []);
});

test("librariesOf reads what ld.so lists, and names what is missing", () => {
  const listing = `	linux-vdso.so.1 (0x00007ffc)
	libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f1)
	/lib64/ld-linux-x86-64.so.2 (0x00007f2)
`;
  assert.deepEqual(librariesOf(listing), ["/lib/x86_64-linux-gnu/libz.so.1"]);
  assert.throws(() => librariesOf("\tlibssl.so.3 => not found\n"), /library "libssl\.so\.3" is not found/);
});

test("nginxImage holds a path once, and starts nginx as the usual image does", () => {
  const image = nginxImage("x64", { program: Buffer.from("x"), applets: ["sh", "busybox"] }, []);
  const paths = image.files.map(({ path }) => path);
  assert.equal(new Set(paths).size, paths.length);
  assert.ok(paths.includes("bin/sh"));
  assert.deepEqual(image.command, ["nginx", "-g", "daemon off;"]);
});

const tags = [
  {
    repository: "library/nginx",
    yes: ["latest", "alpine", "1", "1.25", "1.25.3", "1.25-alpine", "stable-alpine", "1.14.2"],
    no: ["", "alpinee", "nope", "latest1", "1.2.3.4", "v1"],
  },
  {
    repository: "library/busybox",
    yes: ["latest", "1.28", "1.36.1", "musl", "1.36-musl", "1.29-4"],
    no: ["alpine", "1.x"],
  },
  { repository: "pause", yes: ["3.9", "3.10", "latest"], no: ["three"] },
] as const;

for (const { repository, yes, no } of tags) {
  test(`${repository} is served for the tags that people use, and no others`, () => {
    const image = BUILT_IN_IMAGES.find(({ repositories }) => repositories.some((one) => one.repository === repository));
    assert.ok(image);
    for (const tag of [...yes, image.listedTag]) assert.ok(image.tags.test(tag), tag);
    for (const tag of no) assert.ok(!image.tags.test(tag), tag);
  });
}
