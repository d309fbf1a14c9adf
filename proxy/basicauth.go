package proxy

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// basicAuth asks for a user and a password (RFC 7617). As with ingress-nginx, the
// backend does not get the Authorization field.
func (s *Server) basicAuth(p *gatelodge.Policy) step {
	if p.BasicAuth == nil {
		return nil
	}
	users := p.BasicAuth.Users
	stranger := costliest(users)
	challenge := exchange.Fields{{
		Name:  "www-authenticate",
		Value: "Basic realm=" + strconv.Quote(p.BasicAuth.Realm) + `, charset="UTF-8"`,
	}}
	return func(r *request) *answer {
		if several(r.x.Header, "authorization") {
			// The backend might use another one than was checked here.
			return badRequest("more than one Authorization field")
		}
		user, password, ok := basicCredentials(r.x.Header.Get("authorization"))
		if !ok {
			return &answer{status: 401, reason: "no credentials", text: "Unauthorized", fields: challenge}
		}
		hash, known := users[user]
		if !known {
			hash = stranger // so that the time does not reveal which users exist
		}
		by := asker{host: r.host.source.Name, client: clientOf(r.x.Client.Addr()), ctx: r.x.Context, cancellation: r.x.Cancellation}
		right, err := s.credentials.check(by, password, hash)
		switch {
		case errors.Is(err, errHungUp):
			return hungUp(err.Error())
		case errors.Is(err, errHashesOfClient):
			return tooManyRequests(err.Error(), time.Second)
		case err != nil:
			return unavailable(err.Error())
		}
		if !right || !known {
			return &answer{status: 401, reason: "wrong credentials", text: "Unauthorized", fields: challenge}
		}
		return nil
	}
}

// several reports whether there is more than one field of this name.
func several(fields exchange.Fields, name string) bool {
	n := 0
	for i := range fields {
		if fields[i].Name == name {
			n++
		}
	}
	return n > 1
}

// longestCredentials is the maximum of octets of encoded credentials that are checked,
// because some hashes take time in proportion to the password, which clients choose.
const longestCredentials = 1024

// basicCredentials reads an Authorization field.
func basicCredentials(field string) (user, password string, ok bool) {
	scheme, encoded, _ := strings.Cut(field, " ")
	if !strings.EqualFold(scheme, "basic") {
		return "", "", false
	}
	encoded = strings.TrimLeft(encoded, " ")
	if len(encoded) > longestCredentials {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}
