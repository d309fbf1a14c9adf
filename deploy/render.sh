#!/usr/bin/env bash
# Renders the manifests of this folder from the chart into the folder that is
# named: "make manifests" into this one, "make check" into another to compare.
set -euo pipefail
out=$(realpath "$1")
cd "$(dirname "$0")"
helm=$(cd ../e2e && go run ./programs/build helm)
# render FILE COMMENT ARGS...
render() {
	local file=$1 comment=$2
	shift 2
	{
		echo "# Rendered from deploy/chart by make manifests; edit that. $comment"
		cat namespace.yaml
		"$helm" template gatelodge "$PWD/chart" --namespace gatelodge "$@" | sed '/^# Source: /d' | cat -s
	} > "$out/$file"
}
render install.yaml "With the chart's defaults."
rights=(--show-only templates/serviceaccount.yaml --show-only templates/rbac.yaml)
render rbac.yaml "The rights of a gateway for all namespaces." "${rights[@]}"
render rbac-namespaced.yaml "The rights of one for the namespace shop alone." "${rights[@]}" --set 'config.ingress.namespaces={shop}'
