/** scale, rollout, and what deployments, replica sets, daemon sets and stateful sets look like meanwhile. */
import type { CaseGroup } from "../case-table.ts";

const SETS = `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
spec:
  serviceName: db
  replicas: 2
  selector:
    matchLabels:
      app: db
  template:
    metadata:
      labels:
        app: db
    spec:
      containers:
      - name: app
        image: app:1
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: each
spec:
  selector:
    matchLabels:
      app: each
  template:
    metadata:
      labels:
        app: each
    spec:
      nodeSelector:
        pool: general
      containers:
      - name: app
        image: app:1
`;

export const rollout: CaseGroup = {
  name: "rollout",
  files: { "sets.yaml": SETS },
  steps: [
    { run: "create deployment web --image=app:1 --replicas=2", stdout: "deployment.apps/web created" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    {
      run: "get deployment web -o wide",
      stdout: `
        NAME   READY   UP-TO-DATE   AVAILABLE   AGE     CONTAINERS   IMAGES   SELECTOR
        web    2/2     2            2           {age}   app          app:1    app=web`,
    },
    {
      run: "get replicasets -o wide",
      stdout: `
        NAME         DESIRED   CURRENT   READY   AGE     CONTAINERS   IMAGES   SELECTOR
        web-{hash}   2         2         2       {age}   app          app:1    app=web,pod-template-hash={hash}`,
    },
    { run: "scale deployment web --replicas=3", stdout: "deployment.apps/web scaled" },
    { run: "scale deployment web --replicas=3 --current-replicas=3", stdout: "deployment.apps/web scaled" },
    {
      run: "scale deployment web --replicas=5 --current-replicas=1",
      stderr: "error: Expected replicas to be 1, was 3",
      code: 1,
    },
    {
      run: "scale --replicas=1 deployment/nobody",
      stderr: /^error: no objects passed to scale( deployments\.apps "nobody" not found)?\n$/,
      code: 1,
    },
    {
      run: "scale --replicas=1 configmap/kube-root-ca.crt",
      stderr: "Error from server (NotFound): the server could not find the requested resource",
      code: 1,
    },
    {
      run: "scale deployment web --replicas=-1",
      stderr: "error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
      code: 1,
    },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },

    {
      run: "annotate deployment web kubernetes.io/change-cause='first release'",
      stdout: "deployment.apps/web annotated",
    },
    { run: "set image deployment/web app=app:2", stdout: "deployment.apps/web image updated" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    {
      run: "rollout history deployment/web",
      stdout: `
        deployment.apps/web 
        REVISION  CHANGE-CAUSE
        1         first release
        2         first release

        `,
    },
    {
      run: "rollout history deployment/web --revision=2",
      stdout: `
        deployment.apps/web with revision #2
        Pod Template:
          Labels:	app=web
        	pod-template-hash={hash}
          Annotations:	kubernetes.io/change-cause: first release
          Containers:
           app:
            Image:	app:2
            Port:	<none>
            Host Port:	<none>
            Environment:	<none>
            Mounts:	<none>
          Volumes:	<none>
        {lines}

        `,
    },
    {
      run: "rollout history deployment/web --revision=9",
      stderr: "error: unable to find the specified revision",
      code: 1,
    },
    { run: "rollout undo deployment/web", stdout: "deployment.apps/web rolled back" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    { run: "get deployment web -o jsonpath={.spec.template.spec.containers[0].image}", stdout: "app:1" },
    {
      run: "rollout undo deployment/web --to-revision=3",
      stdout: "deployment.apps/web skipped rollback (current template already matches revision 3)",
    },
    {
      run: "rollout undo deployment/web --to-revision=9",
      stderr: "error: unable to find specified revision 9 in history",
      code: 1,
    },
    { run: "rollout restart deployment/web", stdout: "deployment.apps/web restarted" },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    { run: "rollout pause deployment/web", stdout: "deployment.apps/web paused" },
    { run: "rollout pause deployment/web", stderr: 'error: deployments.apps "web" is already paused', code: 1 },
    { run: "set image deployment/web app=app:3", stdout: "deployment.apps/web image updated" },
    {
      run: "rollout restart deployment/web",
      stderr: `error: deployments.apps "web" can't restart paused deployment (run rollout resume first)`,
      code: 1,
    },
    { run: "get deployment web -o jsonpath={.status.updatedReplicas}", stdout: "" },
    { run: "rollout resume deployment/web", stdout: "deployment.apps/web resumed" },
    { run: "rollout resume deployment/web", stderr: 'error: deployments.apps "web" is not paused', code: 1 },
    { run: "rollout status deployment/web", stdout: `{waiting}\ndeployment "web" successfully rolled out` },
    { run: "set image deployment/web app=app:never", stdout: "deployment.apps/web image updated" },
    {
      run: "rollout status deployment/web --timeout=1s",
      stdout: "{waiting}",
      stderr: /^(I\d+ .*very short watch.*\n)*error: timed out waiting for the condition\n$/,
      code: 1,
    },
    {
      run: "get deployment web",
      stdout: `
        NAME   READY   UP-TO-DATE   AVAILABLE   AGE
        web    3/3     1            3           {age}`,
    },

    { run: "apply -f sets.yaml", stdout: "statefulset.apps/db created\ndaemonset.apps/each created" },
    {
      run: "rollout status statefulset/db",
      stdout: /^(Waiting for .*\n)*partitioned roll out complete: 2 new pods have been updated\.\.\.\n$/,
    },
    { run: "rollout status daemonset/each", stdout: `{waiting}\ndaemon set "each" successfully rolled out` },
    {
      run: "get sts,ds",
      stdout: `
        NAME                  READY   AGE
        statefulset.apps/db   2/2     {age}

        NAME                  DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE
        daemonset.apps/each   2         2         2       2            2           pool=general    {age}`,
    },
    {
      run: "get pods -l app=db",
      stdout: `
        NAME   READY   STATUS    RESTARTS   AGE
        db-0   1/1     Running   0          {age}
        db-1   1/1     Running   0          {age}`,
    },
    { run: "scale statefulset db --replicas=1", stdout: "statefulset.apps/db scaled" },
    { run: "wait --for=delete pod/db-1", stdout: /^(pod\/db-1 condition met\n)?$/ },
    { run: "rollout restart statefulset/db", stdout: "statefulset.apps/db restarted" },
    {
      run: "rollout status sts/db --timeout=30s",
      stdout:
        /^(Waiting for .*\n|waiting for .*\n)*(partitioned roll out complete|statefulset rolling update complete).*\n$/,
    },
    {
      run: "rollout history statefulset/db",
      stdout: `
        statefulset.apps/db 
        REVISION  CHANGE-CAUSE
        1         <none>
        2         <none>

        `,
    },
    { run: "rollout restart daemonset/each", stdout: "daemonset.apps/each restarted" },
    { run: "rollout status ds/each", stdout: `{waiting}\ndaemon set "each" successfully rolled out` },
    { run: "rollout undo daemonset/each", stdout: "daemonset.apps/each rolled back" },
    {
      run: "get controllerrevisions",
      stdout:
        /^NAME +CONTROLLER +REVISION +AGE\n(db-\w+ +statefulset\.apps\/db +\d +\w+\n){2}(each-\w+ +daemonset\.apps\/each +\d +\w+\n){2}$/,
    },
  ],
};
