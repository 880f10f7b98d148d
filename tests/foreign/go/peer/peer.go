// Package peer holds what the programs beside it share: how they name the code that they run, and
// how they say yes and no.
package peer

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

// Say prints the module that did the work and its version: "peer golang.org/x/mod v0.42.0".
func Say(modulePath string) {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == modulePath {
				version = dep.Version
			}
		}
	}
	fmt.Printf("peer %s %s\n", modulePath, version)
}

// Refuse ends the program with exit code 1: the peer looked and said no.
func Refuse(format string, args ...any) {
	fmt.Printf("refused: "+format+"\n", args...)
	os.Exit(1)
}

// Broken ends the program with exit code 2: the check could not be made at all.
func Broken(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "error: "+format+"\n", args...)
	os.Exit(2)
}

// Text reads a file that holds one line, such as a verifier key.
func Text(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		Broken("%v", err)
	}
	return strings.TrimSpace(string(raw))
}

// Strings is a flag that may be given several times.
type Strings []string

func (s *Strings) String() string { return strings.Join(*s, ",") }

// Set adds one value.
func (s *Strings) Set(value string) error { *s = append(*s, value); return nil }
