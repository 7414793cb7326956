/** Whole objects with everything that the server fills in, and lists of them. */
import type { CaseGroup } from "../case-table.ts";

const POD = `apiVersion: v1
kind: Pod
metadata:
  name: full
  labels:
    app: full
spec:
  nodeName: node-1
  containers:
  - name: app
    image: app
    ports:
    - containerPort: 80
    env:
    - name: NODE
      valueFrom:
        fieldRef:
          fieldPath: spec.nodeName
    livenessProbe:
      httpGet:
        path: /
        port: 80
`;

export const getYaml: CaseGroup = {
  name: "get-yaml",
  files: { "pod.yaml": POD },
  steps: [
    { run: "create -f pod.yaml", stdout: "pod/full created" },
    { run: "wait --for=condition=Ready pod/full", stdout: "pod/full condition met" },
    {
      run: "get pod full -o yaml",
      stdout: `
        apiVersion: v1
        kind: Pod
        metadata:
          creationTimestamp: "{time}"
          labels:
            app: full
          name: full
          namespace: get-yaml
          resourceVersion: "{rv}"
          uid: {uid}
        spec:
          containers:
          - env:
            - name: NODE
              valueFrom:
                fieldRef:
                  apiVersion: v1
                  fieldPath: spec.nodeName
            image: app
            imagePullPolicy: Always
            livenessProbe:
              failureThreshold: 3
              httpGet:
                path: /
                port: 80
                scheme: HTTP
              periodSeconds: 10
              successThreshold: 1
              timeoutSeconds: 1
            name: app
            ports:
            - containerPort: 80
              protocol: TCP
            resources: {}
            terminationMessagePath: /dev/termination-log
            terminationMessagePolicy: File
            volumeMounts:
            - mountPath: /var/run/secrets/kubernetes.io/serviceaccount
              name: kube-api-access-{suffix}
              readOnly: true
          dnsPolicy: ClusterFirst
          enableServiceLinks: true
          nodeName: node-1
          preemptionPolicy: PreemptLowerPriority
          priority: 0
          restartPolicy: Always
          schedulerName: default-scheduler
          securityContext: {}
          serviceAccount: default
          serviceAccountName: default
          terminationGracePeriodSeconds: 30
          tolerations:
          - effect: NoExecute
            key: node.kubernetes.io/not-ready
            operator: Exists
            tolerationSeconds: 300
          - effect: NoExecute
            key: node.kubernetes.io/unreachable
            operator: Exists
            tolerationSeconds: 300
          volumes:
          - name: kube-api-access-{suffix}
            projected:
              defaultMode: 420
              sources:
              - serviceAccountToken:
                  expirationSeconds: 3607
                  path: token
              - configMap:
                  items:
                  - key: ca.crt
                    path: ca.crt
                  name: kube-root-ca.crt
              - downwardAPI:
                  items:
                  - fieldRef:
                      apiVersion: v1
                      fieldPath: metadata.namespace
                    path: namespace
        status:
        {lines}
          phase: Running
          podIP: {ip}
          podIPs:
          - ip: {ip}
          qosClass: BestEffort
          startTime: "{time}"`,
    },
    { run: "create deployment web --image=app:1 --replicas=0 --port=8080", stdout: "deployment.apps/web created" },
    {
      run: `wait --for=condition=Progressing deployment/web`,
      stdout: "deployment.apps/web condition met",
    },
    {
      run: "get deployment web -o yaml",
      stdout: `
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          annotations:
            deployment.kubernetes.io/revision: "1"
          creationTimestamp: "{time}"
          generation: 1
          labels:
            app: web
          name: web
          namespace: get-yaml
          resourceVersion: "{rv}"
          uid: {uid}
        spec:
          progressDeadlineSeconds: 600
          replicas: 0
          revisionHistoryLimit: 10
          selector:
            matchLabels:
              app: web
          strategy:
            rollingUpdate:
              maxSurge: 25%
              maxUnavailable: 25%
            type: RollingUpdate
          template:
            metadata:
              labels:
                app: web
            spec:
              containers:
              - image: app:1
                imagePullPolicy: IfNotPresent
                name: app
                ports:
                - containerPort: 8080
                  protocol: TCP
                resources: {}
                terminationMessagePath: /dev/termination-log
                terminationMessagePolicy: File
              dnsPolicy: ClusterFirst
              restartPolicy: Always
              schedulerName: default-scheduler
              securityContext: {}
              terminationGracePeriodSeconds: 30
        status:
          conditions:
        {lines}
          observedGeneration: 1`,
      gap: "template-creation-timestamp",
    },
    { run: "expose deployment web --port=80 --target-port=8080", stdout: "service/web exposed" },
    {
      run: "get service web -o yaml",
      stdout: `
        apiVersion: v1
        kind: Service
        metadata:
          creationTimestamp: "{time}"
          labels:
            app: web
          name: web
          namespace: get-yaml
          resourceVersion: "{rv}"
          uid: {uid}
        spec:
          clusterIP: {ip}
          clusterIPs:
          - {ip}
          internalTrafficPolicy: Cluster
          ipFamilies:
          - IPv4
          ipFamilyPolicy: SingleStack
          ports:
          - port: 80
            protocol: TCP
            targetPort: 8080
          selector:
            app: web
          sessionAffinity: None
          type: ClusterIP
        status:
          loadBalancer: {}`,
    },
    { run: "create configmap settings --from-literal=b=2 --from-literal=a=1", stdout: "configmap/settings created" },
    {
      run: "get configmap settings -o json",
      stdout: `
        {
            "apiVersion": "v1",
            "data": {
                "a": "1",
                "b": "2"
            },
            "kind": "ConfigMap",
            "metadata": {
                "creationTimestamp": "{time}",
                "name": "settings",
                "namespace": "get-yaml",
                "resourceVersion": "{rv}",
                "uid": "{uid}"
            }
        }`,
    },
    {
      run: "get configmap settings -o yaml --show-managed-fields",
      stdout: `
        apiVersion: v1
        data:
          a: "1"
          b: "2"
        kind: ConfigMap
        metadata:
          creationTimestamp: "{time}"
          managedFields:
          - apiVersion: v1
            fieldsType: FieldsV1
            fieldsV1:
              f:data:
                .: {}
                f:a: {}
                f:b: {}
            manager: kubectl-create
            operation: Update
            time: "{time}"
          name: settings
          namespace: get-yaml
          resourceVersion: "{rv}"
          uid: {uid}`,
    },
    {
      run: "get configmaps -l app=none -o yaml",
      stdout: `
        apiVersion: v1
        items: []
        kind: List
        metadata:
          resourceVersion: ""`,
    },
    {
      run: "get namespace get-yaml -o yaml",
      stdout: `
        apiVersion: v1
        kind: Namespace
        metadata:
          creationTimestamp: "{time}"
          labels:
            kubernetes.io/metadata.name: get-yaml
          name: get-yaml
          resourceVersion: "{rv}"
          uid: {uid}
        spec:
          finalizers:
          - kubernetes
        status:
          phase: Active`,
    },
  ],
};
