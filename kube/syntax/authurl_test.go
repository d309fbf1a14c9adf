package syntax

import (
	"fmt"
	"testing"
)

func TestReadAuthURL(t *testing.T) {
	for text, want := range map[string]string{
		"http://oauth2-proxy.auth.svc.cluster.local/oauth2/auth":               "oauth2-proxy.auth.svc.cluster.local 80 /oauth2/auth",
		"http://Oauth2-Proxy.auth.svc.cluster.local.:4180/oauth2/auth":         "oauth2-proxy.auth.svc.cluster.local 4180 /oauth2/auth",
		"https://auth.example.com":                                             "auth.example.com 443 secure /",
		"https://auth.example.com?a=b":                                         "auth.example.com 443 secure /?a=b",
		"https://192.0.2.7:8443/x":                                             "192.0.2.7 8443 secure /x",
		"http://[2001:db8::7]/x":                                               "2001:db8::7 80 /x",
		"http://auth.example.com$request_uri":                                  "auth.example.com 80 $request_uri",
		"http://auth.example.com/x?uri=$escaped_request_uri&m=$request_method": "auth.example.com 80 /x?uri=$escaped_request_uri&m=$request_method",
		"https://$host/oauth2/auth":                                            "own 443 secure /oauth2/auth",
		"https://${host}:443/oauth2/auth":                                      "own 443 secure /oauth2/auth",
		"http://$http_host":                                                    "own 80 /",
		"$scheme://$host/x/$arg_a":                                             "own 0 /x/${arg_a}",
		"":                                                                     "is not a URL of http or https",
		"/oauth2/auth":                                                         "is not a URL of http or https",
		"ftp://auth.example.com":                                               "is not a URL of http or https",
		"unix:///run/auth":                                                     "is not a URL of http or https",
		"$scheme://auth.example.com/":                                          "has the scheme of the request and another host, write http or https",
		"http://auth.$host/":                                                   errAuthHost.Error(),
		"http://$host.example.com/":                                            errAuthHost.Error(),
		"http://$hostname/":                                                    "holds the variable $hostname, which is not known",
		"http://$host:8080/":                                                   errAuthHost.Error(),
		"http://$http_x_service/":                                              errAuthHost.Error(),
		"http://$arg_to":                                                       errAuthHost.Error(),
		"http://auth.example.com$arg_port/":                                    errAuthHost.Error(),
		"http:///x":                                                            errAuthHost.Error(),
		"http://*.example.com/x":                                               errAuthHost.Error(),
		"http://[fe80::1%25eth0]/x":                                            errAuthHost.Error(),
		"http://user:secret@auth.example.com/":                                 "has credentials in it, which are not sent; write them into the ConfigMap of auth-proxy-set-headers",
		"http://auth.example.com@192.0.2.7/":                                   "has credentials in it, which are not sent; write them into the ConfigMap of auth-proxy-set-headers",
		"http://oauth2-proxy/auth":                                             `has the host "oauth2-proxy", which is not a full name; write that of a Service as oauth2-proxy.NAMESPACE.svc.cluster.local`,
		"http://localhost/auth":                                                `has the host "localhost", which is not a full name; write that of a Service as localhost.NAMESPACE.svc.cluster.local`,
		"http://auth.example.com:0/":                                           `has the port "0", which is not one from 1 to 65535`,
		"http://auth.example.com:/":                                            `has the port "", which is not one from 1 to 65535`,
		"http://auth.example.com/a/../b":                                       "has a path with dot segments, or that no request may have",
		"http://auth.example.com/%2e%2e/b":                                     "has a path with dot segments, or that no request may have",
		"http://auth.example.com/a b":                                          "holds a character that has to be percent-encoded",
		"http://auth.example.com/a#b":                                          "holds a character that has to be percent-encoded",
		"http://auth.example.com/$unknown":                                     "holds the variable $unknown, which is not known",
	} {
		u, err := ReadAuthURL(text)
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case u.OwnHost:
			got = fmt.Sprint("own ", u.Port)
		default:
			got = fmt.Sprint(u.Host, " ", u.Port)
		}
		if err == nil {
			if u.Secure {
				got += " secure"
			}
			got += " " + u.Target.String()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestReadSignIn: buildAuthSignURL of ingress-nginx's template.go.
func TestReadSignIn(t *testing.T) {
	const back = "=$scheme://$http_host$escaped_request_uri"
	for _, c := range []struct{ text, parameter, want string }{
		{"https://auth.example.com/start", "rd", "https://auth.example.com/start?rd" + back},
		{"https://auth.example.com/start?a=b", "rd", "https://auth.example.com/start?a=b&rd" + back},
		{"https://auth.example.com/start?rd=$escaped_request_uri", "rd", "https://auth.example.com/start?rd=$escaped_request_uri"},
		{"https://auth.example.com/start?rd=", "rd", "https://auth.example.com/start?rd=&rd" + back},
		{"https://auth.example.com/start?rd=x", "orig", "https://auth.example.com/start?rd=x&orig" + back},
		{"https://$host/oauth2/start", "rd", "https://$host/oauth2/start?rd" + back},
		{"/oauth2/start", "rd", "/oauth2/start?rd" + back},
		{"//evil.example.com", "rd", "is not a URL of http or https, or a path"},
		{"javascript:alert(1)", "rd", "is not a URL of http or https, or a path"},
		{"https://", "rd", "is not a URL of http or https, or a path"},
		{"https://auth.example.com/a b", "rd", "holds a character that has to be percent-encoded"},
	} {
		got, err := ReadSignIn(c.text, c.parameter)
		text := got.String()
		if err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("%q: got %s, want %s", c.text, text, c.want)
		}
	}
}
