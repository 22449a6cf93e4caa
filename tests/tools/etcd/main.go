// Builds the real etcd server out of the Go module proxy, for machines that
// cannot reach the envtest release archives. It adds nothing of its own.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
