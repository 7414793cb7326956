/** kubectl describe for what a cluster has anyway. */
import type { CaseGroup } from "../case-table.ts";

export const describeRest: CaseGroup = {
  name: "describe-rest",
  steps: [
    {
      run: "describe node node-1",
      stdout: `
        Name:               node-1
        Roles:              <none>
        Labels:             kubernetes.io/arch=amd64
                            kubernetes.io/hostname=node-1
                            kubernetes.io/os=linux
                            pool=general
        Annotations:        <none>
        CreationTimestamp:  {date}
        Taints:             <none>
        Unschedulable:      false
        Lease:
          HolderIdentity:  node-1
          AcquireTime:     <unset>
          RenewTime:       {date}
        Conditions:
          Type             Status  LastHeartbeatTime  LastTransitionTime  Reason                      Message
          ----             ------  -----------------  ------------------  ------                      -------
          MemoryPressure   False   {date}  {date}  KubeletHasSufficientMemory  kubelet has sufficient memory available
          DiskPressure     False   {date}  {date}  KubeletHasNoDiskPressure    kubelet has no disk pressure
          PIDPressure      False   {date}  {date}  KubeletHasSufficientPID     kubelet has sufficient PID available
          Ready            True    {date}  {date}  KubeletReady                kubelet is posting ready status
        Addresses:
          InternalIP:  127.0.0.1
          Hostname:    node-1
        Capacity:
          cpu:                8
          ephemeral-storage:  100Gi
          memory:             16Gi
          pods:               110
        Allocatable:
          cpu:                8
          ephemeral-storage:  100Gi
          memory:             16Gi
          pods:               110
        System Info:
          Machine ID:                 0123456789abcdef0123456789abcdef
          System UUID:                01234567-89ab-cdef-0123-456789abcdef
          Boot ID:                    fedcba98-7654-3210-fedc-ba9876543210
          Kernel Version:             6.1.0
          OS Image:                   Test Linux 12
          Operating System:           linux
          Architecture:               amd64
          Container Runtime Version:  containerd://1.7.0
          Kubelet Version:            v1.32.4
          Kube-Proxy Version:
        PodCIDR:                      10.244.{n}.0/24
        PodCIDRs:                     10.244.{n}.0/24
        Non-terminated Pods:          ({n} in total)
        {lines}
        Allocated resources:
        {lines}`,
    },
    {
      run: "describe namespace describe-rest",
      stdout: `
        Name:         describe-rest
        Labels:       kubernetes.io/metadata.name=describe-rest
        Annotations:  <none>
        Status:       Active
`,
      gap: "no-quota-in-describe",
    },
    {
      run: "describe configmap kube-root-ca.crt",
      stdout: `
        Name:         kube-root-ca.crt
        Namespace:    describe-rest
        Labels:       <none>
        Annotations:  kubernetes.io/description:
                        Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubern...

        Data
        ====
        ca.crt:
        ----
        -----BEGIN CERTIFICATE-----
        {lines}
        BinaryData
        ====

        Events:  <none>`,
    },
    {
      run: "describe serviceaccount default",
      stdout: `
        Name:                default
        Namespace:           describe-rest
        Labels:              <none>
        Annotations:         <none>
        Image pull secrets:  <none>
        Mountable secrets:   <none>
        Tokens:              <none>
        Events:              <none>`,
    },
    {
      run: "describe clusterrole system:discovery",
      stdout: `
        Name:         system:discovery
        Labels:       kubernetes.io/bootstrapping=rbac-defaults
        Annotations:  rbac.authorization.kubernetes.io/autoupdate: true
        PolicyRule:
          Resources  Non-Resource URLs  Resource Names  Verbs
          ---------  -----------------  --------------  -----
        {lines}`,
    },
  ],
};
