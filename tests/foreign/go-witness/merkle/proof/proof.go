// Package proof is the release's consistency check.
package proof

import (
	"errors"

	"github.com/transparency-dev/merkle"
	tagged "merkle.tagged/proof"
)

// VerifyConsistency is the release's.
var VerifyConsistency = tagged.VerifyConsistency

// VerifySubtreeConsistency refuses: the release has no subtree proofs, and the witness here is
// started without subtree signing, so that nothing calls this.
func VerifySubtreeConsistency(merkle.LogHasher, uint64, uint64, uint64, [][]byte, []byte, []byte) error {
	return errors.New("subtree proofs are not part of merkle v0.0.2")
}
