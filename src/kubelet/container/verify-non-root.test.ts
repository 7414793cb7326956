import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { container, podObject } from "../testing/pod-object.ts";
import { needsNonRootImage, requireNonRootImage } from "./verify-non-root.ts";

const pod = podObject({ securityContext: { runAsNonRoot: true } });
const image = (uid: bigint | undefined, username = "") => ({
  id: "i",
  repoTags: [],
  repoDigests: [],
  size: 1n,
  uid: uid === undefined ? undefined : { value: uid },
  username,
  pinned: false,
});

suite("requireNonRootImage", () => {
  test("is asked only where the pod does not say the user", () => {
    assert.equal(needsNonRootImage(pod, container("app")), true);
    assert.equal(needsNonRootImage(pod, container("app", { securityContext: { runAsUser: 7 } })), false);
    assert.equal(needsNonRootImage(pod, container("app", { securityContext: { runAsNonRoot: false } })), false);
    assert.equal(needsNonRootImage(podObject(), container("app")), false);
  });

  test("takes a user with a number, and no other", () => {
    const check = (uid: bigint | undefined, username?: string) => () =>
      requireNonRootImage(pod, container("app"), image(uid, username));
    check(1000n)();
    assert.throws(
      check(0n),
      /^ContainerConfigError: container has runAsNonRoot and image will run as root \(pod: "web_default\(u1\)", container: app\)$/,
    );
    assert.throws(check(undefined), /image will run as root/);
    assert.throws(check(undefined, "app"), /image has non-numeric user \(app\), cannot verify user is non-root/);
  });
});
