/** What the kernel refuses is CNI's error 102 to the caller, whatever the plugin and the verb; its own words are the details. */
import { CniError } from "#cni/cni-error.ts";
import type { Plugin } from "#cni/plugin.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import { SysctlError } from "#kernel/sysctl.ts";

export function withKernelRefusals<Host>(plugin: Plugin<Host>): Plugin<Host> {
  const { gc, status } = plugin;
  return {
    ...plugin,
    add: (request, host) => typed(() => plugin.add(request, host)),
    del: (request, host) => typed(() => plugin.del(request, host)),
    check: (request, host) => typed(() => plugin.check(request, host)),
    ...(gc && { gc: (request, host) => typed(() => gc(request, host)) }),
    ...(status && { status: (request, host) => typed(() => status(request, host)) }),
  };
}

async function typed<T>(verb: () => Promise<T>): Promise<T> {
  try {
    return await verb();
  } catch (error) {
    if (error instanceof KernelError) throw refusal(error, error.extack);
    if (error instanceof SysctlError) throw refusal(error, error.key);
    throw error;
  }
}

function refusal(cause: KernelError | SysctlError, details: string): CniError {
  return new CniError("kernelRefused", cause.message, [cause.code, details].filter(Boolean).join(": "), { cause });
}
