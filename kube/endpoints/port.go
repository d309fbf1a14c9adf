package endpoints

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// FindPort finds the port of the Service in a reference, the first one if it names
// none. If there is none, missing says what does not exist.
func FindPort(ref *intent.BackendRef, service *corev1.Service) (port *corev1.ServicePort, missing string) {
	name := ref.Port.Namespace + "/" + ref.Port.Name
	if service == nil {
		return nil, "there is no Service " + name
	}
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		tcp := port.Protocol == "" || port.Protocol == corev1.ProtocolTCP
		if tcp && (ref.Port.Port == "" || port.Name == ref.Port.Port && port.Name != "" || strconv.Itoa(int(port.Port)) == ref.Port.Port) {
			return port, ""
		}
	}
	return nil, fmt.Sprintf("Service %s has no TCP port %s, it has %s", name, ref.Port.Port, portsText(service))
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

// ProtocolOf reads the appProtocol of a Service port (KEP-3726) in any usual spelling:
// those of Kubernetes, of IANA, of ALPN and of service meshes, in upper or lower case.
// An unknown one means HTTP/1.1.
func ProtocolOf(port *corev1.ServicePort) (protocol gatelodge.BackendProtocol, known bool) {
	if port.AppProtocol == nil {
		return gatelodge.BackendHTTP, true
	}
	switch name := strings.ToLower(strings.TrimSpace(*port.AppProtocol)); strings.TrimPrefix(name, "kubernetes.io/") {
	case "", "http", "http1", "http/1.1", "http1.1", "ws", "websocket", "grpc-web":
		return gatelodge.BackendHTTP, true
	case "h2c", "http2", "http/2", "grpc":
		return gatelodge.BackendH2C, true
	case "https", "wss", "tls":
		return gatelodge.BackendHTTPS, true
	case "h2", "grpcs":
		return gatelodge.BackendH2, true
	}
	return gatelodge.BackendHTTP, false
}
