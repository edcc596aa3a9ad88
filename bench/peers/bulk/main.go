// Bulk is a sink that implements the part of Elasticsearch's HTTP API that clients of the bulk API
// need. It accepts any document, stores none, and answers each item as Elasticsearch does, limited to
// what filter_path asks for.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
)

const (
	root = `{"name":"sink","cluster_name":"sink","cluster_uuid":"AAAAAAAAAAAAAAAAAAAAAA",` +
		`"version":{"number":"9.4.3","build_flavor":"default","lucene_version":"10.4.0"},` +
		`"tagline":"You Know, for Search"}`
	item = `{"create":{"_index":"logs-mcp.tools-default","_id":"AZ0123456789abcdefgh","_version":1,` +
		`"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":%d,` +
		`"_primary_term":1,"status":201}}`
	statusOnly = `{"create":{"status":201}}`
)

type countingListener struct{ net.Listener }

type countingConn struct{ net.Conn }

var events, requests, wire atomic.Int64

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return countingConn{conn}, err
}

func (c countingConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	wire.Add(int64(n))
	return n, err
}

// countItems counts the pairs of action and document.
func countItems(body io.Reader) (int, error) {
	lines, buffer := 0, make([]byte, 1<<16)
	for {
		n, err := body.Read(buffer)
		lines += bytes.Count(buffer[:n], []byte{'\n'})
		if err == io.EOF {
			return lines / 2, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

func bulk(answer http.ResponseWriter, request *http.Request) {
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gzip.NewReader(request.Body)
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		body = plain
	}
	count, err := countItems(body)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	first := events.Add(int64(count)) - int64(count)
	requests.Add(1)
	out := bufio.NewWriter(answer)
	defer out.Flush()
	isFiltered := request.URL.Query().Has("filter_path")
	if isFiltered {
		out.WriteString(`{"items":[`)
	} else {
		out.WriteString(`{"errors":false,"took":1,"items":[`)
	}
	for i := 0; i < count; i++ {
		if i > 0 {
			out.WriteByte(',')
		}
		if isFiltered {
			out.WriteString(statusOnly)
		} else {
			fmt.Fprintf(out, item, first+int64(i))
		}
	}
	out.WriteString("]}")
}

func handle(answer http.ResponseWriter, request *http.Request) {
	answer.Header().Set("X-Elastic-Product", "Elasticsearch")
	answer.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(request.URL.Path, "/_bulk"):
		bulk(answer, request)
	case request.URL.Path == "/sink/events":
		fmt.Fprintln(answer, events.Load())
	default:
		io.WriteString(answer, root)
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening %s\n", listener.Addr())
	go http.Serve(countingListener{listener}, http.HandlerFunc(handle))
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	<-told
	fmt.Printf("events %d batches %d wire %d\n", events.Load(), requests.Load(), wire.Load())
}
