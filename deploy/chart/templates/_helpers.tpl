{{/* The labels that select the pods; they never change. */}}
{{- define "gatelodge.selector" -}}
app.kubernetes.io/name: gatelodge
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gatelodge.labels" -}}
{{ include "gatelodge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "gatelodge.className" -}}
{{ .Values.ingressClass.name | default .Release.Name }}
{{- end }}

{{/* The namespaces that the gateway is limited to, as JSON; empty: all. */}}
{{- define "gatelodge.namespaces" -}}
{{ dig "ingress" "namespaces" (list) .Values.config | toJson }}
{{- end }}

{{/* The configuration file: what follows from the release, overridden by .Values.config. */}}
{{- define "gatelodge.config" -}}
{{- $release := printf "%s/%s" .Release.Namespace .Release.Name }}
{{- $config := dict
      "apiVersion" "gatelodge.dev/v1alpha1"
      "kind" "GatewayConfig"
      "name" .Release.Name
      "views" (include "gatelodge.configViews" . | fromJsonArray)
      "dns" (dict "service" (printf "%s-dns" $release)) }}
{{- if include "gatelodge.namespaces" . | fromJsonArray }}
{{- /* With the names of classes, IngressClasses, which are cluster-wide, need not be read. */}}
{{- $_ := set $config "ingress" (dict "classes" (list (include "gatelodge.className" .))) }}
{{- end }}
{{- if or .Values.services.dns.tls .Values.views (ne .Values.services.view "default") }}
{{- /* Else the listeners are those of the gateway by itself. */}}
{{- $_ := set $config "listeners" (include "gatelodge.listeners" . | fromJsonArray) }}
{{- end }}
{{- if .Values.state.enabled }}{{ $_ := set $config "state" "/var/lib/gatelodge/state" }}{{ end }}
{{- toYaml (mergeOverwrite $config (omit (deepCopy .Values.config) "views")) }}
{{- end }}

{{/* A duration of the configuration, such as 1m30s, in whole seconds. */}}
{{- define "gatelodge.seconds" -}}
{{- $sum := 0.0 }}
{{- range regexFindAll "[0-9.]+(ms|h|m|s)" . -1 }}
{{- $number := regexFind "^[0-9.]+" . | float64 }}
{{- $sum = addf $sum (mulf $number (get (dict "h" 3600.0 "m" 60.0 "s" 1.0 "ms" 0.001) (regexFind "[a-z]+$" .))) }}
{{- end }}
{{- ceil $sum | int }}
{{- end }}

{{/* drain.dns in seconds: by default twice the longest TTL of the zones. */}}
{{- define "gatelodge.drainDNS" -}}
{{- $seconds := 0 }}
{{- range dig "dns" "zones" (list) .Values.config }}
{{- $seconds = max $seconds (mul 2 (include "gatelodge.seconds" (.ttl | default "60s") | int)) }}
{{- end }}
{{- with dig "drain" "dns" "" .Values.config }}{{ $seconds = include "gatelodge.seconds" . | int }}{{ end }}
{{- $seconds }}
{{- end }}

{{/* The time that a pod may take to end: the pause, the drain, and ten seconds to exit. */}}
{{- define "gatelodge.gracePeriod" -}}
{{- $drain := merge (dict) (dig "drain" (dict) .Values.config) (dict "delay" "5s" "timeout" "60s" "tunnels" "10m") }}
{{- $wait := max (include "gatelodge.seconds" $drain.timeout | int) (include "gatelodge.seconds" $drain.tunnels | int) }}
{{- add .Values.preStopSeconds (include "gatelodge.drainDNS" . | int) (include "gatelodge.seconds" $drain.delay | int) $wait 10 }}
{{- end }}

{{/* MetalLB's annotations of a Service; call with its view and the Service's values. */}}
{{- define "gatelodge.metallb" -}}
{{- $view := index . 0 }}{{ $service := index . 1 }}
{{- $annotations := dict }}
{{- if ne $view.shareKey "-" }}{{ $_ := set $annotations "metallb.io/allow-shared-ip" $view.shareKey }}{{ end }}
{{- with $view.pool }}{{ $_ := set $annotations "metallb.io/address-pool" . }}{{ end }}
{{- with $service.addresses }}{{ $_ := set $annotations "metallb.io/loadBalancerIPs" (join "," .) }}{{ end }}
{{- toYaml (merge (dict) ($service.annotations | default dict) $annotations) }}
{{- end }}
