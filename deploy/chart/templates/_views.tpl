{{/*
The views with Services of their own, as a JSON list: that of .Values.services, which
is always there, and those of .Values.views, in one form. "ports" are those of the
listeners, and "targets" what the Services lead to.
*/}}
{{- define "gatelodge.views" -}}
{{- $services := .Values.services }}
{{- $shareKey := $services.shareKey | default (printf "%s/%s" .Release.Namespace .Release.Name) }}
{{- $ports := dict "http" 8080 "https" 8443 "dns" 8053 }}
{{- if $services.dns.tls }}{{ $_ := set $ports "dnsTLS" 8853 }}{{ end }}
{{- $views := list (dict "name" $services.view "service" .Release.Name "listeners" "" "shareKey" $shareKey "pool" $services.pool
      "http" $services.http "dns" $services.dns "ports" $ports
      "targets" (dict "http" "http" "https" "https" "dns" "dns" "dnsTCP" "dns-tcp")) }}
{{- range .Values.views }}
{{- if eq .name $services.view }}
{{- fail (printf "views: %q is the view of services already, whose name is services.view" .name) }}
{{- end }}
{{- $type := dict "type" "LoadBalancer" }}
{{- $views = append $views (dict "name" .name "service" (printf "%s-%s" $.Release.Name .name) "listeners" (printf "-%s" .name)
      "shareKey" (ternary "-" (printf "%s/%s" $shareKey .name) (eq $shareKey "-")) "pool" (.pool | default $services.pool)
      "http" (mergeOverwrite (deepCopy $type) (.http | default (dict))) "dns" (mergeOverwrite $type (.dns | default (dict)))
      "ports" .ports "targets" (dict "http" .ports.http "https" .ports.https "dns" .ports.dns "dnsTCP" .ports.dns)) }}
{{- end }}
{{- $views | toJson }}
{{- end }}

{{/* The ports of the DNS Service other than 53, as JSON; call with a view. */}}
{{- define "gatelodge.dnsPorts" -}}
{{- $ports := .dns.extraPorts | default list }}
{{- with .ports.dnsTLS }}{{ $ports = prepend $ports (dict "name" "dns-tls" "port" 853 "targetPort" .) }}{{ end }}
{{- $ports | toJson }}
{{- end }}

{{/* config.listeners of the views, as a JSON list. */}}
{{- define "gatelodge.listeners" -}}
{{- $listeners := list }}
{{- range include "gatelodge.views" . | fromJsonArray }}
{{- $view := .name }}{{ $suffix := .listeners }}
{{- $listeners = concat $listeners (list
      (dict "name" (print "http" $suffix) "protocol" "HTTP" "address" (print ":" .ports.http) "publicPort" 80 "view" $view)
      (dict "name" (print "https" $suffix) "protocol" "HTTPS" "address" (print ":" .ports.https) "publicPort" 443 "view" $view)
      (dict "name" (print "dns" $suffix) "protocol" "DNS" "address" (print ":" .ports.dns) "view" $view)) }}
{{- with .ports.dnsTLS }}
{{- $listeners = append $listeners (dict "name" (print "dns-tls" $suffix) "protocol" "DOT" "address" (print ":" .) "view" $view) }}
{{- end }}
{{- end }}
{{- $listeners | toJson }}
{{- end }}

{{/*
config.views, as a JSON list: each view with its Services, in the order of
.Values.config.views, whose entries come before what follows from the release.
*/}}
{{- define "gatelodge.configViews" -}}
{{- $made := dict }}{{ $order := list }}
{{- range include "gatelodge.views" . | fromJsonArray }}
{{- $view := dict "name" .name "service" (printf "%s/%s" $.Release.Namespace .service) }}
{{- if .listeners }}{{ $_ := set $view "dnsService" (printf "%s/%s-dns" $.Release.Namespace .service) }}{{ end }}
{{- $_ := set $made .name $view }}{{ $order = append $order .name }}
{{- end }}
{{- $views := list }}
{{- range .Values.config.views }}
{{- $views = append $views (merge (deepCopy .) (get $made .name | default dict)) }}
{{- $order = without $order .name }}
{{- end }}
{{- /* An installation with one view may call it by another name in config.views alone. */}}
{{- if or .Values.views (not $views) }}
{{- range $order }}{{ $views = append $views (get $made .) }}{{ end }}
{{- end }}
{{- $views | toJson }}
{{- end }}
