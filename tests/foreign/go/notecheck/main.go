// notecheck opens a checkpoint with golang.org/x/mod/sumdb/note, and each cosignature on it with
// github.com/transparency-dev/formats/note.
//
//	notecheck --vkey FILE [--cosigner FILE].. NOTE
//
// Exit code 0: every signature asked for verifies; 1: one does not; 2: the check could not be made.
package main

import (
	"flag"
	"fmt"
	"os"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"placet.test/foreign/peer"
)

func main() {
	var cosigners peer.Strings
	vkey := flag.String("vkey", "", "file with the log's verifier key (type 0x01)")
	flag.Var(&cosigners, "cosigner", "file with a witness's verifier key (type 0x04)")
	flag.Parse()
	if flag.NArg() != 1 || *vkey == "" {
		peer.Broken("usage: notecheck --vkey FILE [--cosigner FILE].. NOTE")
	}
	raw, err := os.ReadFile(flag.Arg(0))
	if err != nil {
		peer.Broken("%v", err)
	}

	peer.Say("golang.org/x/mod")
	verifier, err := note.NewVerifier(peer.Text(*vkey))
	if err != nil {
		peer.Refuse("verifier key of the log: %v", err)
	}
	opened, err := note.Open(raw, note.VerifierList(verifier))
	if err != nil {
		peer.Refuse("log signature: %v", err)
	}
	fmt.Printf("accepted: log %s, %d other signature lines\n", verifier.Name(), len(opened.UnverifiedSigs))

	if len(cosigners) > 0 {
		peer.Say("github.com/transparency-dev/formats")
	}
	for _, path := range cosigners {
		witness, err := f_note.NewVerifierForCosignatureV1(peer.Text(path))
		if err != nil {
			peer.Refuse("verifier key of the witness: %v", err)
		}
		opened, err := note.Open(raw, note.VerifierList(witness))
		if err != nil {
			peer.Refuse("cosignature of %s: %v", witness.Name(), err)
		}
		stamp, err := f_note.CoSigV1Timestamp(opened.Sigs[0])
		if err != nil || stamp.Unix() <= 0 {
			peer.Refuse("time of %s: %v %v", witness.Name(), stamp, err)
		}
		fmt.Printf("accepted: witness %s at %s\n", witness.Name(), stamp.UTC().Format("2006-01-02T15:04:05Z"))
	}
}
