package sidebyside

// Tables returns the cases of each subject.
func Tables() map[string][]Case {
	return map[string][]Case{
		"auth": AuthCases(), "CORS": CORSCases(), "error pages": ErrorPageCases(), "fields": FieldCases(),
		"limits": LimitCases(), "redirects": RedirectCases(), "rewrites": RewriteCases(), "snippets": SnippetCases(),
	}
}
