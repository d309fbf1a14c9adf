package objects

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// DNSEndpointResource is ExternalDNS's resource for records. ExternalDNS installs its
// CustomResourceDefinition.
var DNSEndpointResource = schema.GroupVersionResource{Group: "externaldns.k8s.io", Version: "v1alpha1", Resource: "dnsendpoints"}

// DNSEndpoint is the part of such an object that is read. Labels of an endpoint, its
// setIdentifier and what is specific to a provider have no meaning for an authoritative
// server.
type DNSEndpoint struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              DNSEndpointSpec `json:"spec"`

	// Malformed is why Spec could not be read, for example because another definition
	// of the resource than ExternalDNS's is installed.
	Malformed string `json:"-"`
}

// DNSEndpointSpec is the endpoints of a DNSEndpoint.
type DNSEndpointSpec struct {
	Endpoints []Endpoint `json:"endpoints"`
}

// Endpoint is the records of one type at a name.
type Endpoint struct {
	DNSName    string   `json:"dnsName"`
	RecordType string   `json:"recordType"`
	RecordTTL  int64    `json:"recordTTL"` // seconds; 0: that of the zone
	Targets    []string `json:"targets"`

	SetIdentifier    string            `json:"setIdentifier,omitempty"`
	Labels           map[string]string `json:"labels,omitempty"`
	ProviderSpecific []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"providerSpecific,omitempty"`
}

// ReadUnstructured converts the API server's object to a DNSEndpoint.
func ReadUnstructured(source *unstructured.Unstructured) *DNSEndpoint {
	e := &DNSEndpoint{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(source.Object, e); err != nil {
		e = &DNSEndpoint{Malformed: err.Error(), ObjectMeta: metav1.ObjectMeta{
			Namespace: source.GetNamespace(), Name: source.GetName(), UID: source.GetUID(), ResourceVersion: source.GetResourceVersion(),
			CreationTimestamp: source.GetCreationTimestamp(), Annotations: source.GetAnnotations(),
		}}
	}
	return e
}
