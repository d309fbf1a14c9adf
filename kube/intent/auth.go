package intent

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"gatelodge.dev/kube/syntax"

	gatelodge "gatelodge.dev"
)

// authAsk is what the auth annotations ask for.
type authAsk struct {
	Basic     bool
	namespace string // "": that of the Ingress
	Secret    string
	SecretMap bool // each key of the Secret is a user; otherwise its key "auth" is an htpasswd file
	Realm     string
}

// defaultRealm is what ingress-nginx's users see without auth-realm.
const defaultRealm = "Authentication Required"

func setAuthType(a *asked, value string) error {
	switch value {
	case "basic":
		a.Auth.Basic = true
		return nil
	case "digest":
		return errNotYet
	}
	return errors.New("is not a known way to authenticate")
}

func setAuthSecret(a *asked, value string) (err error) {
	a.Auth.namespace, a.Auth.Secret, err = secretReference(value)
	return err
}

func setAuthSecretType(a *asked, value string) error {
	switch value {
	case "auth-file":
	case "auth-map":
		a.Auth.SecretMap = true
	default:
		return errors.New("is not a form that such a Secret can have")
	}
	return nil
}

func setAuthRealm(a *asked, value string) error {
	if err := checkPrintable(value); err != nil {
		return err
	}
	a.Auth.Realm = value
	return nil
}

// check looks at the annotations together, once all were read. Half a
// protection is none: an author of one of auth-type and auth-secret means
// both.
func (auth *authAsk) check(a *asked, in *Claimant) {
	var problem string
	switch {
	case auth.Basic && auth.Secret == "" && a.Unavailable == "":
		problem = "annotation auth-type needs auth-secret, the Secret with the users"
	case !auth.Basic && auth.Secret != "" && a.Unavailable == "":
		problem = `annotation auth-secret needs auth-type: "basic"`
	case auth.Secret != "" && auth.namespace != "" && auth.namespace != in.Object.Namespace:
		problem = fmt.Sprintf("annotation auth-secret names a Secret of namespace %q, expected one of namespace %q", auth.namespace, in.Object.Namespace)
	}
	if problem != "" {
		in.problem(gatelodge.BadAnnotation, "%s", problem)
		a.deny("its users are not known")
	}
	if auth.Realm == "" {
		auth.Realm = defaultRealm
	}
}

// ReadUsers reads the users of a Secret in one of the two forms. It fails when
// there are none, because then no one could get in.
func ReadUsers(secret *corev1.Secret, asMap bool) (users map[string]gatelodge.PasswordHash, problems []string, err error) {
	if asMap {
		users, problems = syntax.ReadUserMap(secret.Data)
	} else {
		file, ok := secret.Data["auth"]
		if !ok {
			return nil, nil, errors.New(`has no key "auth", expected an htpasswd file there`)
		}
		users, problems = syntax.ParseHtpasswd(file)
	}
	if n := len(problems); n > maxProblems {
		problems = append(problems[:maxProblems:maxProblems], fmt.Sprintf("it has %d problems more", n-maxProblems))
	}
	if len(users) == 0 {
		return nil, problems, errors.New("holds no user")
	}
	return users, problems, nil
}
