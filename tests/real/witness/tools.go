//go:build tools

// This file keeps the version of the witness that the tests run.
package main

import _ "filippo.io/torchwood/cmd/litewitness"
