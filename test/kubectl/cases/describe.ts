/** kubectl describe and events: what people read when something is wrong. */
import type { CaseGroup } from "../case-table.ts";
import { untilEvent } from "./until-event.ts";

const POD = `apiVersion: v1
kind: Pod
metadata:
  name: full
  labels:
    app: full
  annotations:
    note: seen
spec:
  nodeName: node-1
  containers:
  - name: app
    image: app:1
    command: ["sleep", "1000"]
    ports:
    - containerPort: 80
    env:
    - name: MODE
      value: test
    - name: IP
      valueFrom:
        fieldRef:
          fieldPath: status.podIP
    resources:
      requests:
        cpu: 100m
      limits:
        memory: 64Mi
    readinessProbe:
      httpGet:
        path: /ready
        port: 80
    volumeMounts:
    - name: data
      mountPath: /data
  volumes:
  - name: data
    emptyDir: {}
`;

const NO_NODE = `apiVersion: v1
kind: Pod
metadata:
  name: homeless
spec:
  nodeSelector:
    pool: nowhere
  containers:
  - name: app
    image: app:1
`;

export const describe: CaseGroup = {
  name: "describe",
  files: { "pod.yaml": POD, "no-node.yaml": NO_NODE },
  steps: [
    { run: "create -f pod.yaml -f no-node.yaml", stdout: "pod/full created\npod/homeless created" },
    { run: "wait --for=condition=Ready pod/full", stdout: "pod/full condition met" },
    { run: "wait --for=condition=PodScheduled=False pod/homeless", stdout: "pod/homeless condition met" },
    untilEvent("full", "Started"),
    untilEvent("homeless", "FailedScheduling"),
    {
      run: "describe pod full",
      stdout: (minor) => `
        Name:             full
        Namespace:        describe
        Priority:         0
        Service Account:  default
        Node:             node-1/127.0.0.1
        Start Time:       {date}
        Labels:           app=full
        Annotations:      note: seen
        Status:           Running
        IP:               {ip}
        IPs:
          IP:  {ip}
        Containers:
          app:
            Container ID:  containerd://{word}
            Image:         app:1
            Image ID:      registry.test/app:1@sha256:{word}
            Port:          80/TCP
            Host Port:     0/TCP
            Command:
              sleep
              1000
            State:          Running
              Started:      {date}
            Ready:          True
            Restart Count:  0
            Limits:
              memory:  64Mi
            Requests:
              cpu:      100m
              memory:   64Mi
            Readiness:  http-get http://:80/ready delay=0s timeout=1s period=10s #success=1 #failure=3
            Environment:
              MODE:  test
              IP:     (v1:status.podIP)
            Mounts:
              /data from data (rw)
              /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-{suffix} (ro)
        Conditions:
          Type                        Status
          PodReadyToStartContainers   True
          Initialized                 True
          Ready                       True
          ContainersReady             True
          PodScheduled                True
        Volumes:
          data:
            Type:       EmptyDir (a temporary directory that shares a pod's lifetime)
            Medium:
            SizeLimit:  <unset>
          kube-api-access-{suffix}:
            Type:                    Projected (a volume that contains injected data from multiple sources)
            TokenExpirationSeconds:  3607
            ConfigMapName:           kube-root-ca.crt
            ${minor >= 33 ? "Optional:                false" : "ConfigMapOptional:       <nil>"}
            DownwardAPI:             true
        QoS Class:                   Burstable
        Node-Selectors:              <none>
        Tolerations:                 node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
                                     node.kubernetes.io/unreachable:NoExecute op=Exists for 300s
        Events:
          Type    Reason   Age    From     Message
          ----    ------   ----   ----     -------
          Normal  Pulled   {age}  kubelet  Container image "app:1" already present
          Normal  Started  {age}  kubelet  Started container app`,
    },
    {
      run: "describe pod homeless",
      stdout: `
        Name:             homeless
        Namespace:        describe
        Priority:         0
        Service Account:  default
        Node:             <none>
        Labels:           <none>
        Annotations:      <none>
        Status:           Pending
        IP:
        IPs:              <none>
        Containers:
          app:
            Image:        app:1
            Port:         <none>
            Host Port:    <none>
            Environment:  <none>
            Mounts:
              /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-{suffix} (ro)
        Conditions:
          Type           Status
          PodScheduled   False
        Volumes:
        {lines}
        QoS Class:                   BestEffort
        Node-Selectors:              pool=nowhere
        Tolerations:                 node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
                                     node.kubernetes.io/unreachable:NoExecute op=Exists for 300s
        Events:
          Type     Reason            Age    From               Message
          ----     ------            ----   ----               -------
          Warning  FailedScheduling  {age}  default-scheduler  0/{n} nodes are available: {any}`,
    },
    { run: "delete pod homeless full", stdout: `pod "homeless" deleted\npod "full" deleted` },
    { run: "run broken --image=app:crash", stdout: "pod/broken created" },
    { run: "wait --for=jsonpath={.status.phase}=Running pod/broken", stdout: "pod/broken condition met" },
    untilEvent("broken", "Scheduled"),
    {
      run: "describe pods brok",
      stdout: `
        Name:             broken
        {lines}
            State:          Waiting
              Reason:       CrashLoopBackOff
            Last State:     Terminated
              Reason:       Error
              Exit Code:    1
              Started:      {date}
              Finished:     {date}
            Ready:          False
            Restart Count:  3
        {lines}
          Normal  Scheduled  {age}  default-scheduler  Successfully assigned describe/broken to node-{n}
        {lines}`,
    },
    { run: "describe pod nobody", stderr: `Error from server (NotFound): pods "nobody" not found`, code: 1 },
    { run: "create deployment web --image=app:1 --replicas=2 --port=80", stdout: "deployment.apps/web created" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    { run: "expose deployment web", stdout: "service/web exposed" },
    untilEvent("web", "ScalingReplicaSet"),
    {
      run: "describe deployment web",
      stdout: `
        Name:                   web
        Namespace:              describe
        CreationTimestamp:      {date}
        Labels:                 app=web
        Annotations:            deployment.kubernetes.io/revision: 1
        Selector:               app=web
        Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable
        StrategyType:           RollingUpdate
        MinReadySeconds:        0
        RollingUpdateStrategy:  25% max unavailable, 25% max surge
        Pod Template:
          Labels:  app=web
          Containers:
           app:
            Image:         app:1
            Port:          80/TCP
            Host Port:     0/TCP
            Environment:   <none>
            Mounts:        <none>
          Volumes:         <none>
        {lines}
        Conditions:
          Type           Status  Reason
          ----           ------  ------
          Available      True    MinimumReplicasAvailable
          Progressing    True    NewReplicaSetAvailable
        OldReplicaSets:  <none>
        NewReplicaSet:   web-{hash} (2/2 replicas created)
        Events:
          Type    Reason             Age    From                   Message
          ----    ------             ----   ----                   -------
          Normal  ScalingReplicaSet  {age}  deployment-controller  Scaled up replica set web-{hash} from 0 to 2`,
    },
    {
      run: "describe replicasets -l app=web",
      stdout: `
        Name:           web-{hash}
        Namespace:      describe
        Selector:       app=web,pod-template-hash={hash}
        Labels:         app=web
                        pod-template-hash={hash}
        Annotations:    deployment.kubernetes.io/desired-replicas: 2
                        deployment.kubernetes.io/max-replicas: 3
                        deployment.kubernetes.io/revision: 1
        Controlled By:  Deployment/web
        Replicas:       2 current / 2 desired
        Pods Status:    2 Running / 0 Waiting / 0 Succeeded / 0 Failed
        Pod Template:
        {lines}
        Events:
          Type    Reason            Age    From                   Message
          ----    ------            ----   ----                   -------
          Normal  SuccessfulCreate  {age}  replicaset-controller  Created pod: web-{hash}-{suffix}
          Normal  SuccessfulCreate  {age}  replicaset-controller  Created pod: web-{hash}-{suffix}`,
    },
    {
      run: "wait --for=jsonpath={.subsets[0].addresses[1].targetRef.kind}=Pod endpoints/web",
      stdout: "endpoints/web condition met",
    },
    {
      run: "describe service web",
      since: 31,
      stdout: `
        Name:                     web
        Namespace:                describe
        Labels:                   app=web
        Annotations:              <none>
        Selector:                 app=web
        Type:                     ClusterIP
        IP Family Policy:         SingleStack
        IP Families:              IPv4
        IP:                       {ip}
        IPs:                      {ip}
        Port:                     <unset>  80/TCP
        TargetPort:               80/TCP
        Endpoints:                {ip}:80,{ip}:80
        Session Affinity:         None
        Internal Traffic Policy:  Cluster
        Events:                   <none>`,
    },
    {
      run: "events --for=deployment/web",
      stdout: `
        LAST SEEN   TYPE     REASON              OBJECT           MESSAGE
        {age}       Normal   ScalingReplicaSet   Deployment/web   Scaled up replica set web-{hash} from 0 to 2`,
    },
    {
      run: "events --types=Warning --for=pod/homeless --no-headers",
      stdout: "{age}   Warning   FailedScheduling   Pod/homeless   0/{n} nodes are available: {any}",
    },
    {
      run: "get events --field-selector reason=ScalingReplicaSet,involvedObject.name=web",
      stdout: `
        LAST SEEN   TYPE     REASON              OBJECT           MESSAGE
        {age}       Normal   ScalingReplicaSet   deployment/web   Scaled up replica set web-{hash} from 0 to 2`,
    },
    {
      run: "get events.events.k8s.io --field-selector reason=ScalingReplicaSet -o jsonpath={.items[0].note}",
      stdout: "Scaled up replica set web-{hash} from 0 to 2",
    },
  ],
};
