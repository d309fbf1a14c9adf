// Package browser looks at the dashboard as people do, with Debian's Chromium,
// which chromedp drives: finding a host, reading why it does not work, seeing it
// change, confirming what the guard holds; in both colour schemes, on a phone, by
// keyboard, and with axe-core for those who read pages otherwise.
//
// Its tests have the build tag debian. They keep pictures of all pages in their
// artifact folders, which make e2e PART=browser prints.
package browser
