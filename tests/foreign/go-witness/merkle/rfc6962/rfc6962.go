// Package rfc6962 is the release's hasher.
package rfc6962

import tagged "merkle.tagged/rfc6962"

// DefaultHasher is the release's.
var DefaultHasher = tagged.DefaultHasher
