{{/* Values that contradict each other are told of here, each with a sentence that says what to do. */}}
{{- define "antre.checks" -}}
{{- include "antre.checkAccount" . -}}
{{- include "antre.checkStores" . -}}
{{- include "antre.checkGateway" . -}}
{{- include "antre.checkRoutes" . -}}
{{- include "antre.checkEnvironment" . -}}
{{- if and .Values.operator.enabled .Values.policy -}}
{{- fail "operator.enabled and policy are both set: write the policy as an AllocationPolicy object, or set operator.enabled=false" -}}
{{- end -}}
{{- if and (not .Values.operator.enabled) .Values.operator.watchNamespace -}}
{{- fail "operator.watchNamespace is set and there is no operator: set operator.enabled=true" -}}
{{- end -}}
{{- if and (eq .Values.migrations.mode "job") .Values.postgresql.enabled -}}
{{- fail "migrations.mode=job runs before the built-in Postgres is there: use initContainer, or an external Postgres" -}}
{{- end -}}
{{- range $part := list "webhookGateway" "allocator" -}}
{{- $budget := (index $.Values $part).podDisruptionBudget -}}
{{- if and $budget.enabled (has (toString $budget.maxUnavailable) (list "0" "0%")) -}}
{{- fail (printf "%s.podDisruptionBudget.maxUnavailable=%v would let no node be drained: allow at least 1" $part $budget.maxUnavailable) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "antre.checkAccount" -}}
{{- with .Values.qiscus -}}
{{- $given := or .appId .secretKey .webhookTokens -}}
{{- if not (or $.Values.simulator.enabled .existingSecret .appsSecret (and .appId .secretKey)) -}}
{{- fail "there are no credentials: set qiscus.appId and qiscus.secretKey, or qiscus.existingSecret, or simulator.enabled=true to look around" -}}
{{- end -}}
{{- if and .existingSecret $given -}}
{{- fail "qiscus.existingSecret is set, and appId, secretKey or webhookTokens too: they would count for nothing, so leave them empty" -}}
{{- end -}}
{{- if and .appsSecret (or .existingSecret $given) -}}
{{- fail "qiscus.appsSecret names all accounts with their tokens: leave existingSecret, appId, secretKey and webhookTokens empty" -}}
{{- end -}}
{{- if gt (len (splitList "," .webhookTokens)) 2 -}}
{{- fail "qiscus.webhookTokens holds more than two tokens: allowed are the new and the old one" -}}
{{- end -}}
{{- end -}}
{{- if .Values.simulator.enabled -}}
{{- if .Values.qiscus.appsSecret -}}
{{- fail "simulator.enabled plays one app, and qiscus.appsSecret names several: leave one of them out" -}}
{{- end -}}
{{- if not (hasPrefix "sim-" (include "antre.appId" .)) -}}
{{- fail "simulator.enabled plays apps whose ids begin with sim-: leave qiscus.appId empty" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "antre.checkStores" -}}
{{- range $store, $name := dict "postgresql" "Postgres" "redis" "Redis" -}}
{{- $own := index $.Values $store -}}
{{- $external := printf "external%s" (title $store) -}}
{{- $theirs := index $.Values $external -}}
{{- if and $own.enabled $theirs.existingSecret -}}
{{- fail (printf "%s.enabled and %s.existingSecret are both set: choose the built-in %s or yours" $store $external $name) -}}
{{- end -}}
{{- if not (or $own.enabled $theirs.existingSecret) -}}
{{- fail (printf "there is no %s: set %s.existingSecret, or %s.enabled=true" $name $external $store) -}}
{{- end -}}
{{- if and (not $own.enabled) (or $own.existingSecret $own.password) -}}
{{- fail (printf "%s.existingSecret and password are those of the built-in %s, which is off: the address of yours is in %s.existingSecret" $store $name $external) -}}
{{- end -}}
{{- if and $own.existingSecret $own.password -}}
{{- fail (printf "%s.existingSecret and %s.password are both set: the password is in the Secret" $store $store) -}}
{{- end -}}
{{- if not (regexMatch "^[0-9A-Za-z._~-]*$" $own.password) -}}
{{- fail (printf "%s.password may hold letters, digits and . _ ~ - only: it becomes part of an address; for another give %s.existingSecret" $store $store) -}}
{{- end -}}
{{- end -}}
{{- range $part := list "username" "database" -}}
{{- if not (regexMatch "^[0-9A-Za-z._~-]+$" (index $.Values.postgresql $part)) -}}
{{- fail (printf "postgresql.%s may hold letters, digits and . _ ~ - only: it becomes part of an address" $part) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "antre.checkGateway" -}}
{{- with .Values.webhookGateway -}}
{{- if and .autoscaling.enabled (not (kindIs "invalid" .replicaCount)) -}}
{{- fail "webhookGateway.replicaCount and webhookGateway.autoscaling.enabled are both set: each upgrade would undo what the autoscaler did; leave replicaCount empty, and set autoscaling.minReplicas" -}}
{{- end -}}
{{- if and .autoscaling.requestsPerSecond (not .autoscaling.enabled) -}}
{{- fail "webhookGateway.autoscaling.requestsPerSecond counts for nothing without webhookGateway.autoscaling.enabled=true" -}}
{{- end -}}
{{- if gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas) -}}
{{- fail (printf "webhookGateway.autoscaling: minReplicas %v is more than maxReplicas %v" .autoscaling.minReplicas .autoscaling.maxReplicas) -}}
{{- end -}}
{{- if le (int .terminationGracePeriodSeconds) (int .preStopSeconds) -}}
{{- fail (printf "webhookGateway.terminationGracePeriodSeconds %v is over before the pause of preStopSeconds %v is: a gateway would be killed with webhooks in its hands; allow 20 s more than the pause" .terminationGracePeriodSeconds .preStopSeconds) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "antre.checkRoutes" -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs: the Gateway that takes the webhooks in" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.enabled needs ingress.host: without it whatever name leads to the controller would lead to the webhooks" -}}
{{- end -}}
{{- end -}}

{{/* What the chart sets by a value of its own would be there twice, and the latter counted without a word. */}}
{{- define "antre.checkEnvironment" -}}
{{- $ours := list "REDIS_URL" "DATABASE_URL" "QISCUS_APP_ID" "QISCUS_SECRET_KEY" "QISCUS_BASE_URL" "ANTRE_WEBHOOK_TOKENS" "ANTRE_APPS_FILE" "ANTRE_POLICY_FILE" "ANTRE_REQUIRE_DURABLE_REDIS" "ANTRE_REQUIRE_DURABLE_POSTGRES" "ANTRE_WATCH_NAMESPACE" "ANTRE_INSTANCE" "ANTRE_HTTP_PORT" "ANTRE_METRICS_PORT" "OTEL_EXPORTER_OTLP_ENDPOINT" "OTEL_EXPORTER_OTLP_HEADERS" -}}
{{- range $part := list "webhookGateway" "allocator" "operator" -}}
{{- range (index $.Values $part).extraEnv -}}
{{- if has (trimSuffix "_FILE" .name) (concat $ours (list "ANTRE_APPS" "ANTRE_POLICY")) -}}
{{- fail (printf "%s.extraEnv sets %s, which the chart sets itself: use the value for it, docs/settings.md and values.yaml say which" $part .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
