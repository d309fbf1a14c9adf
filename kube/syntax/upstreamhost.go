package syntax

import "strings"

// WithBackend puts a backend in the place of ingress-nginx's variables for one, in
// the value of upstream-vhost. What is left of other variables is not a valid host.
func WithBackend(host, namespace, service, port string) string {
	if !strings.Contains(host, "$") {
		return host
	}
	return strings.NewReplacer(
		"$namespace", namespace, "${namespace}", namespace,
		"$service_name", service, "${service_name}", service,
		"$service_port", port, "${service_port}", port,
	).Replace(host)
}
