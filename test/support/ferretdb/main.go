// Command ferretdb serves MongoDB's wire protocol over SQLite files, for tests.
//
// It prints one line, "listening HOST:PORT", when it takes connections, and stops on SIGTERM, on SIGINT and,
// so that no test process leaves it behind, when its standard input ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	dir := flag.String("dir", "", "the folder that holds the data; without it a temporary one, removed at the end")
	port := flag.Int("port", 0, "the port on 127.0.0.1; 0 takes any that is free")
	flag.Parse()
	if err := serve(*dir, *port); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(dir string, port int) error {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "ferretdb-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		dir = temporary
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}

	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: fmt.Sprintf("127.0.0.1:%d", port)},
		Logger:    slog.New(slog.DiscardHandler),
		Handler:   "sqlite",
		SQLiteURL: (&url.URL{Scheme: "file", OmitHost: true, Path: dir + "/"}).String(),
	})
	if err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	go announce(server)
	return server.Run(ctx)
}

// announce waits until the listener has its address, which it gets while the server runs.
func announce(server *ferretdb.FerretDB) {
	address, err := url.Parse(server.MongoDBURI())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening", address.Host)
}
