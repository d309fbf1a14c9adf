package kube

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
)

// authAsk is what the auth annotations ask for.
type authAsk struct {
	basic     bool
	namespace string // "": that of the Ingress
	secret    string
	secretMap bool // each key of the Secret is a user; otherwise its key "auth" is an htpasswd file
	realm     string
}

// defaultRealm is what ingress-nginx's users see without auth-realm.
const defaultRealm = "Authentication Required"

func setAuthType(a *asked, value string) error {
	switch value {
	case "basic":
		a.auth.basic = true
		return nil
	case "digest":
		return errNotYet
	}
	return errors.New("is no way to authenticate")
}

func setAuthSecret(a *asked, value string) (err error) {
	a.auth.namespace, a.auth.secret, err = secretReference(value)
	return err
}

func setAuthSecretType(a *asked, value string) error {
	switch value {
	case "auth-file":
	case "auth-map":
		a.auth.secretMap = true
	default:
		return errors.New("is no form of such a Secret")
	}
	return nil
}

func setAuthRealm(a *asked, value string) error {
	if err := checkPrintable(value); err != nil {
		return err
	}
	a.auth.realm = value
	return nil
}

// check looks at the annotations together, once all were read. Half a
// protection is none: whoever wrote one of auth-type and auth-secret means
// both.
func (auth *authAsk) check(a *asked, in *ingress) {
	var problem string
	switch {
	case auth.basic && auth.secret == "" && a.unavailable == "":
		problem = "annotation auth-type needs auth-secret, the Secret with the users"
	case !auth.basic && auth.secret != "" && a.unavailable == "":
		problem = `annotation auth-secret needs auth-type: "basic"`
	case auth.secret != "" && auth.namespace != "" && auth.namespace != in.object.Namespace:
		problem = fmt.Sprintf("annotation auth-secret names a Secret of namespace %q, expected one of namespace %q", auth.namespace, in.object.Namespace)
	}
	if problem != "" {
		in.problem(gatelodge.BadAnnotation, "%s", problem)
		a.deny("its users are not known")
	}
	if auth.realm == "" {
		auth.realm = defaultRealm
	}
}

// readUsers reads the users of a Secret in one of the two forms. It fails when
// there are none, because then nobody could get in.
func readUsers(secret *corev1.Secret, asMap bool) (users map[string]string, problems []string, err error) {
	if asMap {
		users, problems = usersOfMap(secret.Data)
	} else {
		file, ok := secret.Data["auth"]
		if !ok {
			return nil, nil, errors.New(`has no key "auth", expected an htpasswd file there`)
		}
		users, problems = parseHtpasswd(file)
	}
	if len(users) == 0 {
		return nil, problems, errors.New("holds no user")
	}
	return users, problems, nil
}
