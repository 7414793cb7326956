/** What holds in probes and lifecycle hooks beyond single fields. Source: the API server's validation of core/v1. */
import { childPath, type FieldError, forbidden, invalid, required } from "../../field-error.ts";
import type { Container } from "./container.ts";
import type { LifecycleHandler, Probe } from "./probe.ts";

const HEADER_TEXT =
  "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";

type Handler = Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc"> & Pick<LifecycleHandler, "sleep">;

/** `graceSeconds`: the pod's, which a pause must not exceed. */
export function validateLifecycle(
  { lifecycle = {} }: Pick<Container, "lifecycle">,
  graceSeconds: number,
  path: string,
): readonly FieldError[] {
  const at = (name: string) => childPath(childPath(path, "lifecycle"), name);
  const { postStart, preStop } = lifecycle;
  return [
    ...(postStart === undefined ? [] : validateHandler(postStart, graceSeconds, at("postStart"))),
    ...(preStop === undefined ? [] : validateHandler(preStop, graceSeconds, at("preStop"))),
  ];
}

export function validateProbes(
  { livenessProbe, readinessProbe, startupProbe }: Pick<Container, "livenessProbe" | "readinessProbe" | "startupProbe">,
  graceSeconds: number,
  path: string,
): readonly FieldError[] {
  const at = (name: string) => childPath(path, name);
  const readinessGrace = readinessProbe?.terminationGracePeriodSeconds;
  const gracePath = childPath(at("readinessProbe"), "terminationGracePeriodSeconds");
  return [
    ...validateProbe(livenessProbe, graceSeconds, at("livenessProbe")),
    ...validateRestartingProbe(livenessProbe, at("livenessProbe")),
    ...validateProbe(readinessProbe, graceSeconds, at("readinessProbe")),
    ...(readinessGrace === undefined
      ? []
      : [invalid(gracePath, readinessGrace, "must not be set for readinessProbes")]),
    ...validateProbe(startupProbe, graceSeconds, at("startupProbe")),
    ...validateRestartingProbe(startupProbe, at("startupProbe")),
  ];
}

function validateProbe(probe: Probe | undefined, graceSeconds: number, path: string): readonly FieldError[] {
  if (probe === undefined) return [];
  const { exec, httpGet, tcpSocket, grpc } = probe;
  return validateHandler({ exec, httpGet, tcpSocket, grpc }, graceSeconds, path);
}

function validateRestartingProbe(probe: Probe | undefined, path: string): readonly FieldError[] {
  const { successThreshold = 1, terminationGracePeriodSeconds: grace = 1 } = probe ?? {};
  return [
    ...(successThreshold === 1 ? [] : [invalid(childPath(path, "successThreshold"), successThreshold, "must be 1")]),
    ...(grace > 0 ? [] : [invalid(childPath(path, "terminationGracePeriodSeconds"), grace, "must be greater than 0")]),
  ];
}

function validateHandler(handler: Handler, graceSeconds: number, path: string): readonly FieldError[] {
  const { exec, httpGet, sleep } = handler;
  const given = Object.entries(handler).filter(([, action]) => action !== undefined);
  const seconds = sleep?.seconds;
  const isTooLong = seconds !== undefined && (seconds <= 0 || seconds > graceSeconds);
  const sleepText = `must be greater than 0 and less than terminationGracePeriodSeconds (${graceSeconds})`;
  return [
    ...(given.length === 0 ? [required(path, "must specify a handler type")] : []),
    ...given.slice(1).map(([name]) => forbidden(childPath(path, name), "may not specify more than 1 handler type")),
    ...(exec !== undefined && (exec.command ?? []).length === 0
      ? [required(childPath(childPath(path, "exec"), "command"))]
      : []),
    ...(httpGet?.httpHeaders ?? []).flatMap(({ name }) =>
      name === undefined || name === "" || /^[-A-Za-z0-9]+$/.test(name)
        ? []
        : [invalid(childPath(childPath(path, "httpGet"), "httpHeaders"), name, HEADER_TEXT)],
    ),
    ...(isTooLong ? [invalid(childPath(path, "sleep"), seconds, sleepText)] : []),
  ];
}
