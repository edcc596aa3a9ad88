module mcp-shipper/tests/lumberjack

go 1.19

require github.com/elastic/go-lumber v0.1.0

require github.com/klauspost/compress v1.17.4 // indirect; the last that Debian 12's Go 1.19 builds
