{{- define "antre.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "antre.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "antre.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "antre.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a part: (dict "root" $ "part" "allocator"). Never changes. */}}
{{- define "antre.selector" -}}
app.kubernetes.io/name: {{ include "antre.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "antre.labels" -}}
{{ include "antre.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: antre
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Who a part is for the cluster, which may do nothing by that: (dict "of" (dict "root" $ "part" "redis") "name" NAME) */}}
{{- define "antre.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  labels:
    {{- include "antre.labels" .of | nindent 4 }}
automountServiceAccountToken: false
{{- end -}}

{{/* The name of an image of ours: (dict "root" $ "image" .Values.allocator.image) */}}
{{- define "antre.image" -}}
{{- $tag := default (default .root.Chart.AppVersion .root.Values.image.tag) .image.tag -}}
{{- with .root.Values.global.imageRegistry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ .image.repository }}:{{ $tag }}
{{- end -}}

{{/* Of every pod: no token (but for the operator), nobody in particular, what Pod Security "restricted" wants. */}}
{{- define "antre.podSecurity" -}}
automountServiceAccountToken: {{ default false .token }}
enableServiceLinks: false
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .uid }}
  runAsGroup: {{ .uid }}
  fsGroup: {{ .uid }}
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* Names of the cluster and of the platform are asked for as they are, not with each search domain first. A look-up asks
one name server and stays with it however often it asks; where that one died with its node, to fail after a second and to
look up anew is better than to wait: a platform call has four seconds. */}}
{{- define "antre.dns" -}}
dnsConfig:
  options:
    - {name: ndots, value: "2"}
    - {name: timeout, value: "1"}
    - {name: attempts, value: "1"}
{{- end -}}

{{- define "antre.containerSecurity" -}}
{{- $always := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
securityContext:
  {{- toYaml (mergeOverwrite $always (default dict .)) | nindent 2 }}
{{- end -}}

{{/* Not empty where the cluster knows the kinds of the Prometheus operator. */}}
{{- define "antre.hasMonitors" -}}
{{- if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}yes{{ end -}}
{{- end -}}

{{/* What an ordinary Prometheus looks for, where there is no operator of it. */}}
{{- define "antre.scraped" -}}
{{- if and .Values.monitoring.enabled (not (include "antre.hasMonitors" .)) }}
prometheus.io/scrape: "true"
prometheus.io/port: "9090"
prometheus.io/path: /metrics
{{- end }}
{{- end -}}

{{- define "antre.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Not two on a node while there is another; never a reason not to run. Zones are a matter of affinity, because a
constraint that names two keys counts for nothing on nodes that lack one of them. */}}
{{- define "antre.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "antre.selector" . | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- if not (index .root.Values .values).affinity }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 50
        podAffinityTerm:
          topologyKey: topology.kubernetes.io/zone
          labelSelector:
            matchLabels:
              {{- include "antre.selector" . | nindent 14 }}
{{- end }}
{{- end -}}

{{- define "antre.qiscusSecret" -}}
{{- coalesce .Values.qiscus.appsSecret .Values.qiscus.existingSecret (printf "%s-qiscus" (include "antre.fullname" .)) -}}
{{- end -}}

{{- define "antre.databaseSecret" -}}
{{- default (printf "%s-postgresql" (include "antre.fullname" .)) (ternary .Values.postgresql.existingSecret .Values.externalPostgresql.existingSecret .Values.postgresql.enabled) -}}
{{- end -}}

{{- define "antre.redisSecret" -}}
{{- default (printf "%s-redis" (include "antre.fullname" .)) (ternary .Values.redis.existingSecret .Values.externalRedis.existingSecret .Values.redis.enabled) -}}
{{- end -}}

{{/* A value that is made once and kept: (dict "root" $ "secret" NAME "key" KEY "given" VALUE "length" 32) */}}
{{- define "antre.kept" -}}
{{- $old := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- if .given -}}
{{- .given -}}
{{- else if and $old (hasKey (default dict $old.data) .key) -}}
{{- index $old.data .key | b64dec -}}
{{- else -}}
{{- randAlphaNum (int .length) -}}
{{- end -}}
{{- end -}}

{{- define "antre.baseUrl" -}}
{{- if .Values.simulator.enabled -}}
http://{{ include "antre.fullname" . }}-simulator:8090
{{- else -}}
{{- .Values.qiscus.baseUrl -}}
{{- end -}}
{{- end -}}

{{- define "antre.appId" -}}
{{- if .Values.simulator.enabled }}{{ default "sim-demo" .Values.qiscus.appId }}{{ else }}{{ .Values.qiscus.appId }}{{ end -}}
{{- end -}}

{{/* The secrets that our processes read from files, so that they are in no environment. */}}
{{- define "antre.secretVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "antre.redisSecret" .root }}
          items: [{key: {{ ternary .root.Values.externalRedis.key "url" (not .root.Values.redis.enabled) }}, path: redis-url}]
      {{- if .database }}
      - secret:
          name: {{ include "antre.databaseSecret" .root }}
          items: [{key: {{ ternary .root.Values.externalPostgresql.key "url" (not .root.Values.postgresql.enabled) }}, path: database-url}]
      {{- end }}
      - secret:
          name: {{ include "antre.qiscusSecret" .root }}
          items: [{{ if .root.Values.qiscus.appsSecret }}{key: apps.toml, path: apps.toml}{{ else if .database }}{key: secret-key, path: secret-key}{{ else }}{key: webhook-tokens, path: webhook-tokens}{{ end }}]
      {{- if and .root.Values.tracing.endpoint .root.Values.tracing.existingSecret }}
      - secret:
          name: {{ .root.Values.tracing.existingSecret }}
          items: [{key: otlp-headers, path: otlp-headers}]
      {{- end }}
{{- end -}}

{{- define "antre.appEnv" -}}
- name: REDIS_URL_FILE
  value: /run/secrets/antre/redis-url
{{- if .Values.qiscus.appsSecret }}
- name: ANTRE_APPS_FILE
  value: /run/secrets/antre/apps.toml
{{- else }}
- name: QISCUS_APP_ID
  valueFrom:
    secretKeyRef:
      name: {{ include "antre.qiscusSecret" . }}
      key: app-id
{{- end }}
- name: ANTRE_REQUIRE_DURABLE_REDIS
  value: {{ .Values.requireDurableStores | quote }}
{{- with .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- if and .Values.tracing.endpoint .Values.tracing.existingSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS_FILE
  value: /run/secrets/antre/otlp-headers
{{- end }}
{{- end -}}

{{/* The port of a URL: the one it names, or that of its scheme. */}}
{{- define "antre.port" -}}
{{- $url := urlParse . -}}
{{- default (ternary 80 443 (eq $url.scheme "http")) (last (splitList ":" $url.host | rest) | default "" | int) -}}
{{- end -}}

{{/* Changes when given secrets change, so that pods are replaced then. Generated ones never do. */}}
{{- define "antre.checksum" -}}
checksum/credentials: {{ list .Values.qiscus .Values.postgresql.password .Values.redis.password | toJson | sha256sum | trunc 16 | quote }}
{{- end -}}

{{/* Where the gateway is reached from outside, as far as the chart knows. */}}
{{- define "antre.publicUrl" -}}
{{- if and .Values.ingress.enabled .Values.ingress.host -}}
{{ ternary "https" "http" (not (empty .Values.ingress.tls)) }}://{{ .Values.ingress.host }}
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hostnames -}}
https://{{ first .Values.httpRoute.hostnames }}
{{- else -}}
https://YOUR-ADDRESS
{{- end -}}
{{- end -}}
