package gatelodge

import (
	"strings"
	"testing"
)

func TestTemplates(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"plain":                            "plain",
		"$scheme://$host$request_uri":      "$scheme://$host$request_uri",
		"${scheme}s":                       "${scheme}s",
		"${uri}/":                          "$uri/",
		"$query_string$best_http_host":     "$args$http_host",
		"$http_X_Real_Ip-$cookie_a":        "${http_x_real_ip}-${cookie_a}",
		"$arg_q$req_id $the_real_ip":       "${arg_q}$request_id $remote_addr",
		"$http_host $http_hosts":           "$http_host ${http_hosts}",
		"$namespace/$ingress_name/$nosuch": "error: holds the variable $nosuch, which is not known",
		"$":                                "error: has a $ without the name of a variable behind it, or a ${ that is not closed",
		"a$-b":                             "error: has a $ without the name of a variable behind it, or a ${ that is not closed",
		"${uri":                            "error: has a $ without the name of a variable behind it, or a ${ that is not closed",
		"$http_":                           "error: holds the variable $http_, which is not known",
		strings.Repeat("$uri", 33):         "error: has 33 parts, the most is 32",
	} {
		parsed, err := ParseTemplate(text)
		got := parsed.String()
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if err != nil {
			continue
		}
		if again, err := ParseTemplate(got); err != nil || again.String() != got {
			t.Errorf("%q is read back as %q, %v", got, again, err)
		}
	}
}

func TestFieldEditsAreChecked(t *testing.T) {
	many := make([]FieldEdit, MaxFieldEdits+1)
	for i := range many {
		many[i].Name = "x-a"
	}
	for _, c := range []struct {
		edits []FieldEdit
		want  string // "": they are accepted
	}{
		{[]FieldEdit{{Name: "x-frame-options", Value: Template{{Text: "DENY\tand mør"}}}}, ""},
		{many[1:], ""},
		{many, "the most is 64"},
		{[]FieldEdit{{Name: "X-Upper"}}, "is not a valid name"},
		{[]FieldEdit{{Name: ":path"}}, "is not a valid name"},
		{[]FieldEdit{{Name: ""}}, "is not a valid name"},
		{[]FieldEdit{{Name: "a b"}}, "is not a valid name"},
		{[]FieldEdit{{Name: "a\r\nb"}}, "is not a valid name"},
		{[]FieldEdit{{Name: "host"}}, "the gateway's own"},
		{[]FieldEdit{{Name: "connection"}}, "the gateway's own"},
		{[]FieldEdit{{Change: ClearField, Name: "content-length"}}, "the gateway's own"},
		{[]FieldEdit{{Name: "transfer-encoding"}}, "the gateway's own"},
		{[]FieldEdit{{Name: "upgrade"}}, "the gateway's own"},
		{[]FieldEdit{{Name: "trailer"}}, "the gateway's own"},
		{[]FieldEdit{{Name: "x-a", Value: Template{{Text: "a\r\nSet-Cookie: b"}}}}, "a control character"},
		{[]FieldEdit{{Name: "x-a", Value: Template{{Text: "a\x00"}}}}, "a control character"},
		{[]FieldEdit{{Name: "x-a", Value: make(Template, 33)}}, "the most is 32"},
		{[]FieldEdit{{Name: "x-a", Value: Template{{Text: strings.Repeat("x", MaxFieldText)}}}}, "the most is 16384"},
	} {
		for _, f := range []FieldEdits{{Request: c.edits}, {Response: c.edits}} {
			err := f.Check()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%.100v: got %v, want %q", c.edits, err, c.want)
			}
		}
	}
}

// TestFieldEditsText: values of request edits may be secrets, and are not printed.
func TestFieldEditsText(t *testing.T) {
	p := &Policy{Fields: &FieldEdits{
		Request: []FieldEdit{{Name: "authorization", Value: Template{{Text: "Bearer secret"}}}, {Change: ClearField, Name: "x-a"}},
		Response: []FieldEdit{
			{Change: AddField, Name: "x-b", Value: Template{{Value: RequestPath}}, Statuses: AddHeaderStatuses},
			{Change: ClearField, Name: "x-c", FromBackend: true, Statuses: []uint16{404}},
		},
	}}
	want := ` request-field=set:authorization request-field=clear:x-a response-field=add:x-b="$uri"(success) response-field=clear:x-c[404](backend)`
	if got := p.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
