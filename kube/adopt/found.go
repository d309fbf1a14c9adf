package adopt

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/secrets"
)

// maxProblems limits the problems of one folder or file.
const maxProblems = 20

// finder collects the findings.
type finder struct {
	found   objects.Adopted
	now     time.Time
	unnamed int // problems beyond maxProblems
}

func (f *finder) problem(format string, args ...any) {
	if len(f.found.Problems) == maxProblems {
		f.unnamed++
		return
	}
	f.found.Problems = append(f.found.Problems, fmt.Sprintf(format, args...))
}

// result returns what was found.
func (f *finder) result() objects.Adopted {
	if f.unnamed > 0 {
		f.found.Problems = append(f.found.Problems, fmt.Sprintf("%d more can't be used", f.unnamed))
	}
	return f.found
}

// certificate adds a certificate in the gateway's form. origin is where it was found.
func (f *finder) certificate(origin string, as gatelodge.IssuanceKey, crt, key []byte) error {
	name := as.Name
	pair, _, err := secrets.ReadKeyPair(crt, key)
	if err != nil {
		return err
	}
	leaf := pair.Leaf
	covers := slices.ContainsFunc(leaf.DNSNames, func(san string) bool {
		n, err := gatelodge.ParseName(san)
		return err == nil && (n == name || !name.IsWildcard() && n.Matches(name))
	})
	switch {
	case !covers:
		return fmt.Errorf("its certificate is for %.200q, not for %s", leaf.DNSNames, name)
	case f.now.After(leaf.NotAfter):
		return fmt.Errorf("its certificate expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	stored := gatelodge.StoredIssuance{Name: name, Second: as.Second}
	for _, der := range pair.Certificate {
		stored.Chain = append(stored.Chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	if stored.Key, err = encodeKey(pair.PrivateKey); err != nil {
		return err
	}
	parts, err := stored.Encode()
	if err != nil {
		return err
	}
	f.found.Items = objects.WithObjects(f.found.Items, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: origin, UID: types.UID("adopted " + origin), ResourceVersion: objects.HashOf(append(stored.Chain, stored.Key...))},
		Data:       parts,
	})
	return nil
}

func encodeKey(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// readFile reads a file of limited size.
func readFile(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("it has more than %d octets", most)
	}
	return text, err
}
