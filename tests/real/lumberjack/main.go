// Sink is a Lumberjack v2 server on Elastic's own library: it writes down every event exactly as it
// came, one a line, before it acknowledges, and says at the end what it saw.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/elastic/go-lumber/lj"
	server "github.com/elastic/go-lumber/server/v2"
)

// countingListener counts the bytes that its connections receive, before TLS is taken off them.
type countingListener struct {
	net.Listener
	received *atomic.Uint64
}

type countingConn struct {
	net.Conn
	received *atomic.Uint64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return countingConn{conn, l.received}, err
}

func (c countingConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	c.received.Add(uint64(n))
	return n, err
}

// sink writes batches down and acknowledges them.
type sink struct {
	out      *bufio.Writer // nil: only count
	ackDelay time.Duration

	events, batches uint64
	payload, wire   atomic.Uint64
}

// decode keeps the bytes of an event; the library decodes for us nothing.
func (s *sink) decode(event []byte, into interface{}) error {
	s.payload.Add(uint64(len(event)))
	if s.out != nil {
		*into.(*interface{}) = append([]byte(nil), event...) // the library reuses its buffer
	}
	return nil
}

func (s *sink) take(batch *lj.Batch) error {
	if s.out != nil {
		for _, event := range batch.Events {
			s.out.Write(event.([]byte)) // an error stays until Flush
			s.out.WriteByte('\n')
		}
		if err := s.out.Flush(); err != nil {
			return err
		}
	}
	s.events += uint64(len(batch.Events))
	s.batches++
	if s.ackDelay > 0 {
		time.AfterFunc(s.ackDelay, batch.ACK)
	} else {
		batch.ACK()
	}
	return nil
}

// serve ends when the process is told to.
func (s *sink) serve(listener net.Listener) error {
	batches := make(chan *lj.Batch, 1) // little: what waits here is memory
	if _, err := server.NewWithListener(listener, server.Channel(batches),
		server.JSONDecoder(s.decode)); err != nil {
		return err
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	fmt.Printf("listening %s\n", listener.Addr())
	for {
		select {
		case batch := <-batches:
			if err := s.take(batch); err != nil {
				return err
			}
		case <-told:
			fmt.Printf("events %d batches %d bytes %d wire %d\n",
				s.events, s.batches, s.payload.Load(), s.wire.Load())
			return nil
		}
	}
}

func tlsConfig(cert, key, clientCA string) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{own}}
	if clientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(clientCA)
	if err != nil {
		return nil, err
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + clientCA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}

func run() error {
	address := flag.String("listen", "127.0.0.1:0", "address")
	out := flag.String("out", "", "file to append events to; without it they are only counted")
	cert := flag.String("tls-cert", "", "certificate file; switches TLS on")
	key := flag.String("tls-key", "", "key file")
	clientCA := flag.String("client-ca", "", "CA file; switches client certificates on")
	ackDelay := flag.Duration("ack-delay", 0, "time between writing a batch down and its ack")
	flag.Parse()

	s := &sink{ackDelay: *ackDelay}
	if *out != "" {
		file, err := os.OpenFile(*out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		s.out = bufio.NewWriterSize(file, 1<<20)
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	listener = countingListener{listener, &s.wire}
	if *cert != "" {
		config, err := tlsConfig(*cert, *key, *clientCA)
		if err != nil {
			return err
		}
		listener = tls.NewListener(listener, config)
	}
	return s.serve(listener)
}

func main() {
	log.SetOutput(io.Discard) // the library tells of every connection
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
