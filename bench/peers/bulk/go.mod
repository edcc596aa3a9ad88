module mcp-shipper/bench/bulk

go 1.25
