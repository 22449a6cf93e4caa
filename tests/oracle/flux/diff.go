package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const group = "kustomize.toolkit.fluxcd.io"

// What a cluster is asked about: the objects as they are handed to server-side apply, one after the other.
type diffRequest struct {
	Kubeconfig string                   `json:"kubeconfig"`
	Objects    []map[string]interface{} `json:"objects"`
	Force      bool                     `json:"force"`
	Ignore     []jsondiff.IgnoreRule    `json:"ignoreRules"`
	// Requests a second, as flux's own command line has them; without it there is no bound.
	Qps float32 `json:"qps"`
}

// What Flux makes of one object.
type verdict struct {
	Action string `json:"action"`
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Clients are kept: making one reads what the cluster serves.
var clients = map[string]client.Client{}

func diff(r diffRequest) ([]verdict, int64, error) {
	begun := time.Now()
	c, err := connect(r)
	if err != nil {
		return nil, 0, err
	}
	manager := ssa.NewResourceManager(c, nil, ssa.Owner{Field: "kustomize-controller", Group: group})
	opts := ssa.DiffOptions{
		Exclusions:           map[string]string{group + "/reconcile": "disabled", group + "/ssa": "Ignore"},
		IfNotPresentSelector: map[string]string{group + "/ssa": "IfNotPresent"},
		Force:                r.Force,
		ForceSelector:        map[string]string{group + "/force": "enabled"},
		DriftIgnoreRules:     r.Ignore,
	}
	var verdicts []verdict
	for _, fields := range r.Objects {
		verdicts = append(verdicts, judge(manager, &unstructured.Unstructured{Object: fields}, opts))
	}
	return verdicts, time.Since(begun).Microseconds(), nil
}

func judge(manager *ssa.ResourceManager, object *unstructured.Unstructured, opts ssa.DiffOptions) (v verdict) {
	defer func() {
		if p := recover(); p != nil {
			v = verdict{Action: "panic", Error: fmt.Sprint(p)}
		}
	}()
	entry, _, _, err := manager.Diff(context.Background(), object, opts)
	if err != nil {
		return verdict{Action: "error", Reason: reason(err), Error: err.Error()}
	}
	return verdict{Action: entry.Action.String()}
}

func reason(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		if r := apierrors.ReasonForError(err); r != "" {
			return string(r)
		}
	}
	return ""
}

func connect(r diffRequest) (client.Client, error) {
	key := fmt.Sprint(r.Kubeconfig, r.Qps)
	if c, ok := clients[key]; ok && r.Qps == 0 {
		return c, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", r.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = -1, 0
	if r.Qps > 0 {
		config.QPS, config.Burst = r.Qps, 300
	}
	config.WarningHandler = rest.NoWarnings{}
	c, err := client.New(config, client.Options{Scheme: runtime.NewScheme()})
	clients[key] = c
	return c, err
}
