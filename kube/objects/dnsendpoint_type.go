package objects

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// DNSEndpointResource is the resource of ExternalDNS by which records are written as
// such. Its CustomResourceDefinition is ExternalDNS's to install.
var DNSEndpointResource = schema.GroupVersionResource{Group: "externaldns.k8s.io", Version: "v1alpha1", Resource: "dnsendpoints"}

// DNSEndpoint is what is read of an object of that resource. Labels of an
// endpoint, its setIdentifier and what is specific to a provider say nothing to
// an authoritative server.
type DNSEndpoint struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              DNSEndpointSpec `json:"spec"`

	// Malformed says why Spec could not be read, as it may be where another
	// definition of the resource than ExternalDNS's is installed.
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

// ReadUnstructured makes a DNSEndpoint of what the API server sent.
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
