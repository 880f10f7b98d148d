// Package compact names what the release's package proof needs of the release's package compact.
package compact

import tagged "merkle.tagged/compact"

// NodeID is the release's.
type NodeID = tagged.NodeID

// The release's functions.
var (
	NewNodeID  = tagged.NewNodeID
	RangeNodes = tagged.RangeNodes
	RangeSize  = tagged.RangeSize
	Decompose  = tagged.Decompose
)
