package compile

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// findPort finds the port of the Service that a reference names.
func findPort(ref *intent.BackendRef, service *corev1.Service) (*corev1.ServicePort, *failure) {
	name := ref.Port.Namespace + "/" + ref.Port.Name
	if service == nil {
		return nil, &failure{gatelodge.BackendMissing, fmt.Sprintf("there is no Service %s", name)}
	}
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		tcp := port.Protocol == "" || port.Protocol == corev1.ProtocolTCP
		if tcp && (port.Name == ref.Port.Port && port.Name != "" || strconv.Itoa(int(port.Port)) == ref.Port.Port) {
			return port, nil
		}
	}
	return nil, &failure{gatelodge.BackendMissing, fmt.Sprintf("Service %s has no TCP port %s, it has %s", name, ref.Port.Port, portsText(service))}
}

func portsText(service *corev1.Service) string {
	if len(service.Spec.Ports) == 0 {
		return "none"
	}
	var text string
	for i, port := range service.Spec.Ports {
		if i > 0 {
			text += ", "
		}
		text += strconv.Itoa(int(port.Port))
		if port.Name != "" {
			text += " (" + port.Name + ")"
		}
	}
	return text
}

// protocolOf reads the appProtocol of a Service port (KEP-3726). Names that
// say nothing to a gateway mean HTTP.
func protocolOf(port *corev1.ServicePort) gatelodge.BackendProtocol {
	if port.AppProtocol == nil {
		return gatelodge.BackendHTTP
	}
	switch *port.AppProtocol {
	case "kubernetes.io/h2c", "grpc":
		return gatelodge.BackendH2C
	case "https", "kubernetes.io/wss":
		return gatelodge.BackendHTTPS
	}
	return gatelodge.BackendHTTP
}
