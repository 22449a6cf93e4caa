//! The manifests of an ordinary application, and one overlay on it.

use std::collections::BTreeMap;

use super::Workload;

/// One overlay on a base of a Deployment, a Service and a generated ConfigMap.
pub(super) fn one_overlay() -> Workload {
    let mut files = BTreeMap::new();
    files.insert("base/deployment.yaml".into(), deployment("web"));
    files.insert("base/service.yaml".into(), service("web"));
    files.insert("base/app.properties".into(), "color=blue\nretries=3\n".into());
    files.insert(
        "base/kustomization.yaml".into(),
        "resources:\n- deployment.yaml\n- service.yaml\nconfigMapGenerator:\n- name: web-config\n  files:\n  - app.properties\n  literals:\n  - LOG_LEVEL=info\n".into(),
    );
    files.insert("overlay/patch.yaml".into(), resources_patch("web"));
    files.insert("overlay/kustomization.yaml".into(), overlay("web", "prod"));
    Workload::of_one(files, "overlay")
}

fn overlay(app: &str, cluster: &str) -> String {
    format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {cluster}
namePrefix: {cluster}-
resources:
- ../base
labels:
- includeSelectors: true
  pairs:
    app.kubernetes.io/part-of: fleet
    cluster: {cluster}
images:
- name: registry.example.com/{app}
  newTag: 1.4.2
replicas:
- name: {app}
  count: 3
patches:
- path: patch.yaml
- target:
    kind: Deployment
    name: {app}
  patch: |
    - op: replace
      path: /spec/template/spec/containers/0/env/0/value
      value: {cluster}
"
    )
}

fn resources_patch(app: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
spec:
  template:
    metadata:
      annotations:
        prometheus.io/scrape: \"true\"
    spec:
      containers:
      - name: app
        env:
        - name: EXTRA
          value: \"1\"
        resources:
          limits:
            memory: 512Mi
          requests:
            cpu: 250m
            memory: 256Mi
"
    )
}

pub(super) fn deployment(app: &str) -> String {
    format!(
        "# The application itself.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
  labels:
    app.kubernetes.io/name: {app}
spec:
  replicas: 2
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: {app}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {app}
    spec:
      serviceAccountName: {app}
      containers:
      - name: app
        image: registry.example.com/{app}:1.0.0
        args: [\"--listen=:8080\", \"--config=/etc/app/app.properties\"]
        env:
        - name: CLUSTER
          value: none
        - name: LOG_LEVEL
          valueFrom:
            configMapKeyRef:
              name: {app}-config
              key: LOG_LEVEL
        - name: TOKEN
          valueFrom:
            secretKeyRef:
              name: {app}-token
              key: token
              optional: true
        ports:
        - name: http
          containerPort: 8080
          protocol: TCP
        livenessProbe:
          httpGet:
            path: /healthz
            port: http
          initialDelaySeconds: 5
        readinessProbe:
          httpGet:
            path: /ready
            port: http
        resources:
          requests:
            cpu: 100m
            memory: 128Mi
        volumeMounts:
        - name: config
          mountPath: /etc/app
      - name: proxy
        image: registry.example.com/proxy:2.1.0
        ports:
        - name: metrics
          containerPort: 9090
      volumes:
      - name: config
        configMap:
          name: {app}-config
"
    )
}

pub(super) fn service(app: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: {app}
  labels:
    app.kubernetes.io/name: {app}
spec:
  type: ClusterIP
  selector:
    app.kubernetes.io/name: {app}
  ports:
  - name: http
    port: 80
    targetPort: http
  - name: metrics
    port: 9090
    targetPort: metrics
"
    )
}

pub(super) fn rbac(app: &str) -> String {
    format!(
        "apiVersion: v1
kind: ServiceAccount
metadata:
  name: {app}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {app}
rules:
- apiGroups: [\"\"]
  resources: [configmaps]
  verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {app}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {app}
subjects:
- kind: ServiceAccount
  name: {app}
"
    )
}

pub(super) fn ingress(app: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {app}
  annotations:
    cert-manager.io/cluster-issuer: letsencrypt
    nginx.ingress.kubernetes.io/proxy-body-size: \"0\"
spec:
  ingressClassName: nginx
  rules:
  - host: {app}.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: {app}
            port:
              name: http
  tls:
  - hosts:
    - {app}.example.com
    secretName: {app}-tls
"
    )
}
