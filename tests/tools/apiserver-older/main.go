// Builds the oldest kube-apiserver that Preflux supports out of the Go module proxy, for machines that
// cannot reach the envtest release archives. It adds nothing of its own; flags
// and behaviour are kube-apiserver's. See tests/xtask/src/tools for how it is built.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
