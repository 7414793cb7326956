/**
 * /version. Clients compare it with their own: the server speaks the API of Kubernetes 1.32.
 * Source: Kubernetes API reference, version.Info.
 */
export function serverVersion(podwireVersion: string) {
  return {
    major: "1",
    minor: "32",
    gitVersion: `v1.32.4+podwire-${podwireVersion}`,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "go1.23.6",
    compiler: "gc",
    platform: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}
