package secrets

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// mostUserProblems limits the problems of one Secret.
const mostUserProblems = 100

// ReadUsers reads the users of a Secret in one of the two forms. It returns an error if
// there are none, because then no client could log in.
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
	if n := len(problems); n > mostUserProblems {
		problems = append(problems[:mostUserProblems:mostUserProblems], fmt.Sprintf("it has %d problems more", n-mostUserProblems))
	}
	if len(users) == 0 {
		return nil, problems, errors.New("holds no user")
	}
	return users, problems, nil
}
