/** Probes and lifecycle hooks of containers. Source: Kubernetes API reference, core/v1 Probe, Lifecycle. */
import { field, int32, int64, list, object, oneOf, string, type ValueOf } from "../../schema/schema.ts";
import { portNumber, portNumberOrName } from "../network/port.ts";

const nonNegative = { ...int32, min: 0 } as const;

const execAction = object("io.k8s.api.core.v1.ExecAction", "Runs a command in the container; 0 is success.", {
  command: field(1, list(string), "The command and its arguments, without a shell."),
});

const httpHeader = object("io.k8s.api.core.v1.HTTPHeader", "A header of an HTTP request.", {
  name: field(1, string, "Name of the header.", { required: true }),
  value: field(2, string, "Value of the header.", { required: true, default: "" }),
});

const httpGetAction = object("io.k8s.api.core.v1.HTTPGetAction", "Makes an HTTP GET request; 200 to 399 is success.", {
  path: field(1, string, "Path of the request.", { default: "/" }),
  port: field(2, portNumberOrName, "Number or name of the container's port.", { required: true }),
  host: field(3, string, "Host to connect to; by default the pod's address."),
  scheme: field(4, oneOf("HTTP", "HTTPS"), "Scheme of the request.", { default: "HTTP" }),
  httpHeaders: field(5, list(httpHeader), "Further headers."),
});

const tcpSocketAction = object("io.k8s.api.core.v1.TCPSocketAction", "Opens a TCP connection.", {
  port: field(1, portNumberOrName, "Number or name of the container's port.", { required: true }),
  host: field(2, string, "Host to connect to; by default the pod's address."),
});

const grpcAction = object("io.k8s.api.core.v1.GRPCAction", "Asks the gRPC health service.", {
  port: field(1, portNumber, "Port of the service.", { required: true }),
  service: field(2, string, "Name of the service in the request.", { default: "", pointer: true }),
});

const sleepAction = object("io.k8s.api.core.v1.SleepAction", "Waits.", {
  seconds: field(1, int64, "How long, in seconds.", { required: true }),
});

export const probe = object("io.k8s.api.core.v1.Probe", "A check that the kubelet repeats on a container.", {
  exec: field([1, 1], execAction, "A command in the container."),
  httpGet: field([1, 2], httpGetAction, "An HTTP request."),
  tcpSocket: field([1, 3], tcpSocketAction, "A TCP connection."),
  grpc: field([1, 4], grpcAction, "A gRPC health check."),
  initialDelaySeconds: field(2, nonNegative, "Seconds between the container's start and the first check."),
  timeoutSeconds: field(3, nonNegative, "Seconds that a check may take.", { default: 1 }),
  periodSeconds: field(4, nonNegative, "Seconds between checks.", { default: 10 }),
  successThreshold: field(5, nonNegative, "Successes in a row after a failure that count as healthy.", { default: 1 }),
  failureThreshold: field(6, nonNegative, "Failures in a row that count as failed.", { default: 3 }),
  terminationGracePeriodSeconds: field(7, int64, "Instead of the pod's, when this check ends the container.", {
    pointer: true,
  }),
});
export type Probe = ValueOf<typeof probe>;

const lifecycleHandler = object("io.k8s.api.core.v1.LifecycleHandler", "What a hook does; one of these.", {
  exec: field(1, execAction, "A command in the container."),
  httpGet: field(2, httpGetAction, "An HTTP request."),
  tcpSocket: field(3, tcpSocketAction, "Not supported any more."),
  sleep: field(4, sleepAction, "A pause."),
});
export type LifecycleHandler = ValueOf<typeof lifecycleHandler>;

export const lifecycle = object("io.k8s.api.core.v1.Lifecycle", "What happens at a container's start and end.", {
  postStart: field(1, lifecycleHandler, "Done right after the container starts; a failure ends it."),
  preStop: field(2, lifecycleHandler, "Done before the container is stopped."),
});
export type Lifecycle = ValueOf<typeof lifecycle>;
