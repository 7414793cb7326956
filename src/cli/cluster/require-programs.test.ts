import assert from "node:assert/strict";
import { test } from "node:test";
import { CliError } from "../cli-error.ts";
import { requirePrograms } from "./require-programs.ts";

test("requirePrograms names what is missing, and the packages, once each", () => {
  requirePrograms({ store: "sqlite" }, (program) => program !== "etcd");
  assert.throws(
    () => requirePrograms({ store: "etcd" }, (program) => !["etcd", "unshare", "nsenter"].includes(program)),
    (error) =>
      error instanceof CliError &&
      error.exitCode === 3 &&
      error.explanation.why === "missing programs: unshare, nsenter, etcd" &&
      error.explanation.next === "run: apt-get install -y --no-install-recommends util-linux etcd-server",
  );
});
