// witness serves transparency-dev's witness over C2SP tlog-witness on loopback, with a fresh key
// and its state in memory, until its standard input closes.
//
//	witness [--listen 127.0.0.1:0] [--name NAME] --vkey-out FILE --log VKEYFILE..
//
// It writes its verifier key to FILE, then prints one line: "ready http://127.0.0.1:PORT".
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	f_note "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"

	"placet.test/foreign/peer"
)

func main() {
	var logs peer.Strings
	listen := flag.String("listen", "127.0.0.1:0", "loopback address")
	name := flag.String("name", "witness.example/go", "key name of the witness")
	keyOut := flag.String("vkey-out", "", "where to write the witness's verifier key")
	flag.Var(&logs, "log", "file with the verifier key of a log to witness; its name is the origin")
	flag.Parse()
	if *keyOut == "" || len(logs) == 0 {
		peer.Broken("usage: witness --vkey-out FILE --log VKEYFILE..")
	}

	verifiers := map[string]note.Verifier{}
	for _, path := range logs {
		verifier, err := note.NewVerifier(peer.Text(path))
		if err != nil {
			peer.Broken("%s: %v", path, err)
		}
		verifiers[verifier.Name()] = verifier
	}
	handler := witness.NewHTTPHandler(newWitness(*name, *keyOut, verifiers))
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		peer.Broken("%v", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", handler.AddCheckpoint)
	go func() { peer.Broken("%v", http.Serve(listener, mux)) }()

	peer.Say("github.com/transparency-dev/witness")
	fmt.Printf("ready http://%s\n", listener.Addr())
	// Whoever started this holds the other end of the pipe: when that goes, so does the witness.
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func newWitness(name, keyOut string, logs map[string]note.Verifier) *witness.Witness {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		peer.Broken("%v", err)
	}
	signer, err := f_note.NewSignerForCosignatureV1(private)
	if err != nil {
		peer.Broken("%v", err)
	}
	cosignerKey, err := f_note.VKeyToCosignatureV1(public)
	if err != nil {
		peer.Broken("%v", err)
	}
	if err := os.WriteFile(keyOut, []byte(strings.TrimSpace(cosignerKey)+"\n"), 0o644); err != nil {
		peer.Broken("%v", err)
	}
	w, err := witness.New(context.Background(), witness.Opts{
		Persistence: inmemory.New(),
		Signers:     []note.Signer{signer},
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			verifier, known := logs[origin]
			return verifier, known, nil
		},
	})
	if err != nil {
		peer.Broken("%v", err)
	}
	return w
}
