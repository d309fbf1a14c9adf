package annotations

import (
	"errors"
	"fmt"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
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

func authRows() []row {
	return []row{
		{"auth-type", `"basic"`, setAuthType, true,
			"Ask for a user and a password. The backend does not get them.", "`digest` is refused, and the routes answer 503: write `basic`, with passwords hashed by `htpasswd -B`."},
		{"auth-secret", "a Secret of the same namespace", setAuthSecret, true,
			"The users and the hashes of their passwords: bcrypt (`$2a$`, `$2b$`, `$2y$`; of a cost up to 14), apr1, `{SSHA}` or `{SHA}` (`htpasswd -B`, `-m`, `-s`). Behind the hash a colon and a comment may follow.", "A Secret of another namespace is never read."},
		{"auth-secret-type", `"auth-file" or "auth-map"`, setAuthSecretType, true,
			"`auth-file`, the default: the Secret's key `auth` is an htpasswd file. `auth-map`: each key is a user and its value the hash.", ""},
		{"auth-realm", "text without control characters", setAuthRealm, false,
			"What browsers show when they ask for the password.", "The field says `charset=\"UTF-8\"` too, so that browsers agree on how letters beyond ASCII are sent."},
	}
}

func setAuthType(a *Asked, value string) error {
	switch value {
	case "basic":
		a.Auth.Basic = true
		return nil
	case "digest":
		return errors.New("is not spoken, because it keeps passwords in a form that can be used as they are")
	}
	return errors.New("is not a known way to authenticate")
}

func setAuthSecret(a *Asked, value string) (err error) {
	a.Auth.namespace, a.Auth.Secret, err = syntax.ReadSecretReference(value)
	return err
}

func setAuthSecretType(a *Asked, value string) error {
	switch value {
	case "auth-file":
	case "auth-map":
		a.Auth.SecretMap = true
	default:
		return errors.New("is not a form that such a Secret can have")
	}
	return nil
}

func setAuthRealm(a *Asked, value string) error {
	if err := syntax.CheckPrintable(value); err != nil {
		return err
	}
	a.Auth.Realm = value
	return nil
}

// check looks at the annotations together, once all were read. Half a
// protection is none: an author of one of auth-type and auth-secret means
// both.
func (auth *authAsk) check(a *Asked, tell Report) {
	var problem string
	switch {
	case auth.Basic && auth.Secret == "" && a.Unavailable == "":
		problem = "annotation auth-type needs auth-secret, the Secret with the users"
	case !auth.Basic && auth.Secret != "" && a.Unavailable == "":
		problem = `annotation auth-secret needs auth-type: "basic"`
	case auth.Secret != "" && auth.namespace != "" && auth.namespace != a.namespace:
		problem = fmt.Sprintf("annotation auth-secret names a Secret of namespace %q, expected one of namespace %q", auth.namespace, a.namespace)
	}
	if problem != "" {
		tell(gatelodge.BadAnnotation, "%s", problem)
		a.deny("its users are not known")
	}
	if auth.Realm == "" {
		auth.Realm = defaultRealm
	}
}
