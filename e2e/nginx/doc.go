// Package nginx asks a real nginx what the tables of package sidebyside say of it.
// It needs Debian packages and runs by "make e2e".
package nginx
