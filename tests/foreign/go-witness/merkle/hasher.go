// Package merkle gives transparency-dev/merkle v0.0.2, its last tagged release, under the module
// path of the newer snapshot that the witness asks for and that not every module proxy serves.
// Everything is the release's own code, by alias; see proof for the one function it lacks.
package merkle

import tagged "merkle.tagged"

// LogHasher is the release's.
type LogHasher = tagged.LogHasher
