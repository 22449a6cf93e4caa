// What the YAML packages beneath kustomize read and write, asked by shared/kustomize/tests/suite/yaml_oracle.rs:
// {"yaml3": text} is read as resources are, {"yaml2": text} as sigs.k8s.io/yaml reads, {"json": text} is written as it
// writes; the answers are {"yaml": text, "error": text}.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/kio"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// documents gives the JSON array of what kustomize makes of a file of resources.
func documents(text []byte) ([]byte, error) {
	nodes, err := kio.FromBytes(text)
	if err != nil {
		return nil, err
	}
	values := []json.RawMessage{}
	for _, node := range nodes {
		// A value that is no map or list is only converted within one.
		bare := node.YNode().Kind == kyaml.ScalarNode
		if bare {
			node = kyaml.NewRNode(&kyaml.Node{Kind: kyaml.SequenceNode, Content: []*kyaml.Node{node.YNode()}})
		}
		value, err := node.MarshalJSON()
		if err != nil {
			return nil, err
		}
		if bare {
			value = value[1 : len(value)-1]
		}
		values = append(values, value)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(values)
	return out.Bytes(), err
}

func ask(read func([]byte) ([]byte, error), text string) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{Error: fmt.Sprintf("panic: %v", p)}
		}
	}()
	out, err := read([]byte(text))
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{YAML: string(out)}
}

func answerYAML(r request) (answer, bool) {
	switch {
	case r.YAML3 != nil:
		return ask(documents, *r.YAML3), true
	case r.YAML2 != nil:
		return ask(yaml.YAMLToJSON, *r.YAML2), true
	case r.JSON != nil:
		return ask(yaml.JSONToYAML, *r.JSON), true
	}
	return answer{}, false
}
