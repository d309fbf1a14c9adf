package syntax

import "testing"

func TestBlocksByModSecurity(t *testing.T) {
	for rules, want := range map[string]string{
		"": "",
		"SecRuleEngine On\nSecAuditLog /dev/stdout":                 "SecRuleEngine On",
		"  secruleengine\ton  ":                                     "secruleengine on",
		`SecRuleEngine "On"`:                                        `SecRuleEngine "On`,
		"SecRuleEngine 'On';":                                       "SecRuleEngine 'On",
		"\"SecRuleEngine\" On":                                      `SecRuleEngine" On`,
		"SecRuleEngine\u00a0On":                                     "SecRuleEngine",
		"SecRuleEngine \\\n  On":                                    "SecRuleEngine On",
		"SecRuleEngine\\\r\nOn":                                     "SecRuleEngineOn",
		"SecRule\\\nEngine On":                                      "SecRuleEngine On",
		"SecAuditEngine Off SecRuleEngine On":                       "SecRuleEngine On",
		"SecRuleEngine DetectionOnly; SecRuleEngine On":             "SecRuleEngine On",
		"SecRuleEngine DetectionOnly\nSecRuleEngine On":             "SecRuleEngine On",
		"SecRuleEngine {{ .Values.engine }}":                        "SecRuleEngine",
		"SecRuleEngine DetectionOnly":                               "",
		"SecRuleEngine 'detectiononly'\nSecRuleEngine Off":          "",
		"# SecRuleEngine On\n\t#SecRuleEngine On":                   "",
		"# a comment \\\nSecRuleEngine On":                          "SecRuleEngine On",
		"SecRule A \"x\" \\\n#SecRuleEngine On":                     "SecRuleEngine On",
		`SecRule REQUEST_URI "@streq /a" "id:1,phase:1,block"`:      "",
		`SecAction "id:1,pass,nolog,ctl:ruleEngine=On"`:             "ctl:ruleEngine=On",
		`SecAction "id:1,ctl:ruleEngine=Off,ctl:RULEENGINE=on"`:     "ctl:RULEENGINE=on",
		`SecAction "id:1,ctl:ruleEngine = On,pass"`:                 "ctl:ruleEngine = On",
		`SecAction "id:1,ctl:'ruleEngine=On'"`:                      "ruleEngine=On",
		`SecAction "id:1,ctl:ruleEngine='On'"`:                      "ctl:ruleEngine='On",
		"SecAction \"id:1,\\\n  pass,\\\n  ctl:ruleEngine=\\\nOn\"": "ctl:ruleEngine=On",
		`SecAction "id:1,ctl:ruleEngine=DetectionOnly"`:             "",
		`SecAction "id:1,ctl:ruleRemoveById=1,ctl:auditEngine=On"`:  "",
		"Include /etc/nginx/owasp-modsecurity-crs/custom/a.conf":    "Include /etc/nginx/owasp-modsecurity-crs/custom/a.conf",
		`include "/etc/nginx/modsecurity/../a.conf"`:                `include "/etc/nginx/modsecurity/../a.conf`,
		"Include /etc/nginx/modsecurity/modsecurity.conf\nInclude \"/etc/nginx/owasp-modsecurity-crs/nginx-modsecurity.conf\"": "",
		"Include /etc/nginx/modsecurity/modsecurity.conf Include /x.conf":                                                      "Include /x.conf",
		"SecRemoteRules key https://rules.example.com":                                                                         "SecRemoteRules key",
		"SecRuleEngine Off'; modsecurity_rules_file /x; #":                                                                     "modsecurity_rules_file /x",
	} {
		if got := BlocksByModSecurity(rules); got != want {
			t.Errorf("%q: %q, want %q", rules, got, want)
		}
	}
}
