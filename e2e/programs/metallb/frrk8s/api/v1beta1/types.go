// Package v1beta1 has as much of the API types of frr-k8s as MetalLB must see
// to compile. The module that has them is not to be had from every Go proxy.
// MetalLB uses them in its frr-k8s mode alone, which hands BGP to another
// program; the end-to-end tests run its native mode, which speaks BGP itself.
package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AddToScheme adds nothing, so that an attempt at the frr-k8s mode fails loudly:
// no client knows a kind FRRConfiguration.
func AddToScheme(*runtime.Scheme) error { return nil }

type FRRConfiguration struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Spec FRRConfigurationSpec
}

func (c *FRRConfiguration) DeepCopy() *FRRConfiguration { deep := *c; return &deep }

func (c *FRRConfiguration) DeepCopyObject() runtime.Object { return c.DeepCopy() }

type FRRConfigurationSpec struct {
	BGP          BGPConfig
	NodeSelector metav1.LabelSelector
}

func (s *FRRConfigurationSpec) DeepCopyInto(to *FRRConfigurationSpec) { *to = *s }

type BGPConfig struct {
	Routers     []Router
	BFDProfiles []BFDProfile
}

type Router struct {
	ASN       uint32
	ID        string
	VRF       string
	Neighbors []Neighbor
	Prefixes  []string
}

type Neighbor struct {
	ASN                    uint32
	DynamicASN             DynamicASNMode
	Address                string
	Interface              string
	Port                   *uint16
	Password               string
	PasswordSecret         SecretReference
	HoldTime               *metav1.Duration
	KeepaliveTime          *metav1.Duration
	ConnectTime            *metav1.Duration
	EBGPMultiHop           bool
	BFDProfile             string
	EnableGracefulRestart  bool
	ToAdvertise            Advertise
	DisableMP              bool
	DualStackAddressFamily bool
}

type DynamicASNMode string

type SecretReference struct{ Name, Namespace string }

type Advertise struct {
	Allowed                   AllowedOutPrefixes
	PrefixesWithLocalPref     []LocalPrefPrefixes
	PrefixesWithCommunity     []CommunityPrefixes
	PrefixesWithAsPathPrepend []AsPathPrependPrefixes
}

type AllowedOutPrefixes struct{ Prefixes []string }

type LocalPrefPrefixes struct {
	Prefixes  []string
	LocalPref uint32
}

type CommunityPrefixes struct {
	Prefixes  []string
	Community string
}

type AsPathPrependPrefixes struct {
	Prefixes      []string
	AsPathPrepend uint8
}

type BFDProfile struct {
	Name             string
	ReceiveInterval  *uint32
	TransmitInterval *uint32
	DetectMultiplier *uint32
	EchoInterval     *uint32
	EchoMode         *bool
	PassiveMode      *bool
	MinimumTTL       *uint32
}
