// Prints what the flux crate knows of the kinds that have a Go type in client-go: shared/flux/src/normalise/kinds.txt.
//
// Two parts, a blank line between them. First a line for each version of a group: `apps/v1 Deployment=12 Scale=7`, the
// number being the line of its struct in the second part; a kind without metadata has `-` instead of a number. The line
// of `*` holds kinds that every version has. Then a line for each struct: its fields, each a name, how it is left out
// (`:` never, `?` when empty, `!` when zero), and its type. Types are one of the letters below, or the number of a
// struct; `*` before one is a pointer, `[` a list, `{` a map. `<` before a field stands for an inlined struct.
//
// Structs that are equal in all of this share a line.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

var (
	object      = reflect.TypeOf((*metav1.Object)(nil)).Elem()
	marshaler   = reflect.TypeOf((*json.Marshaler)(nil)).Elem()
	unmarshaler = reflect.TypeOf((*json.Unmarshaler)(nil)).Elem()
)

// Types with a form of their own.
var special = map[string]string{
	"resource.Quantity": "q", "intstr.IntOrString": "o", "v1.Time": "t", "v1.MicroTime": "T",
	"v1.Duration": "d", "runtime.RawExtension": "r", "v1.FieldsV1": "r",
}

var scalars = map[reflect.Kind]string{
	reflect.String: "s", reflect.Bool: "b", reflect.Int32: "i", reflect.Int64: "l", reflect.Int: "l",
	reflect.Float64: "f",
}

type table struct {
	seen    map[reflect.Type]int
	structs []reflect.Type
}

func (t *table) number(s reflect.Type) int {
	if n, ok := t.seen[s]; ok {
		return n
	}
	n := len(t.structs)
	t.seen[s] = n
	t.structs = append(t.structs, s)
	for i := 0; i < s.NumField(); i++ {
		t.kind(s.Field(i).Type, func(int) string { return "" })
	}
	return n
}

// kind is how a type is written, with the name that structs have.
func (t *table) kind(k reflect.Type, name func(int) string) string {
	own := k.Implements(marshaler) || reflect.PointerTo(k).Implements(marshaler) || reflect.PointerTo(k).Implements(unmarshaler)
	if own && k.Kind() != reflect.Pointer {
		letter, ok := special[k.String()]
		if !ok {
			fail("%v has a form of its own", k)
		}
		return letter
	}
	switch k.Kind() {
	case reflect.Pointer:
		return "*" + t.kind(k.Elem(), name)
	case reflect.Slice:
		if k.Elem().Kind() == reflect.Uint8 {
			return "y"
		}
		return "[" + t.kind(k.Elem(), name)
	case reflect.Map:
		if k.Key().Kind() != reflect.String {
			fail("%v has other keys than text", k)
		}
		return "{" + t.kind(k.Elem(), name)
	case reflect.Struct:
		return name(t.number(k))
	}
	letter, ok := scalars[k.Kind()]
	if !ok {
		fail("%v is not known", k)
	}
	return letter
}

func (t *table) fields(s reflect.Type, name func(int) string) string {
	var all []string
	for i := 0; i < s.NumField(); i++ {
		f := s.Field(i)
		parts := strings.Split(f.Tag.Get("json"), ",")
		if parts[0] == "" && !f.Anonymous {
			parts[0] = f.Name
		}
		if parts[0] == "-" || !f.IsExported() {
			fail("%v has the hidden field %s", s, f.Name)
		}
		kind := t.kind(f.Type, name)
		how := ":"
		for _, option := range parts[1:] {
			switch {
			case option == "omitempty" && how == ":":
				how = "?"
			case option == "omitzero":
				how = "!"
			}
		}
		if how == "!" && kind != "t" {
			fail("%v leaves out a zero %s", s, f.Name)
		}
		if parts[0] == "" {
			if how != ":" || strings.Trim(kind, "0123456789#") != "" {
				fail("%v inlines %s", s, f.Name)
			}
			all = append(all, "<"+kind)
			continue
		}
		all = append(all, parts[0]+how+kind)
	}
	return strings.Join(all, " ")
}

// merged gives each struct the number of the class of structs that are equal to it, all the way down.
func (t *table) merged() []int {
	class := make([]int, len(t.structs))
	for count := 1; ; {
		names := map[string]int{}
		next := make([]int, len(t.structs))
		for i, s := range t.structs {
			text := fmt.Sprint(class[i], " ", t.fields(s, func(n int) string { return fmt.Sprint("#", class[n]) }))
			if _, ok := names[text]; !ok {
				names[text] = len(names)
			}
			next[i] = names[text]
		}
		class = next
		if len(names) == count {
			return class
		}
		count = len(names)
	}
}

func main() {
	t := &table{seen: map[reflect.Type]int{}}
	groups := map[schema.GroupVersion]map[string]string{}
	roots := map[schema.GroupVersionKind]int{}
	everywhere := map[string]int{}
	for gvk, k := range scheme.Scheme.AllKnownTypes() {
		if groups[gvk.GroupVersion()] == nil {
			groups[gvk.GroupVersion()] = map[string]string{}
		}
		if reflect.PointerTo(k).Implements(object) {
			roots[gvk] = t.number(k)
			continue
		}
		groups[gvk.GroupVersion()][gvk.Kind] = "-"
		everywhere[gvk.Kind]++
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	class := t.merged()
	// The numbers that structs get in the end, by the order in which kinds name them.
	order, lines := map[int]int{}, []reflect.Type{}
	var visit func(n int) string
	visit = func(n int) string {
		if _, ok := order[class[n]]; !ok {
			order[class[n]] = len(lines)
			lines = append(lines, t.structs[n])
		}
		return fmt.Sprint(order[class[n]])
	}
	sorted := make([]schema.GroupVersion, 0, len(groups))
	for gv := range groups {
		sorted = append(sorted, gv)
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].String() < sorted[j].String() })
	named := make([]schema.GroupVersionKind, 0, len(roots))
	for gvk := range roots {
		named = append(named, gvk)
	}
	sort.Slice(named, func(i, j int) bool { return named[i].String() < named[j].String() })
	for _, gvk := range named {
		groups[gvk.GroupVersion()][gvk.Kind] = "=" + visit(roots[gvk])
	}
	var unversioned []string
	for kind := range everywhere {
		// Registered once, and found under any group and version.
		if _, err := scheme.Scheme.New(schema.GroupVersionKind{Group: "none.example.com", Version: "v1", Kind: kind}); err == nil {
			unversioned = append(unversioned, kind+"-")
		}
	}
	sort.Strings(unversioned)
	fmt.Fprintln(out, "*", strings.Join(unversioned, " "))
	for _, gv := range sorted {
		kinds := make([]string, 0, len(groups[gv]))
		for kind, number := range groups[gv] {
			kinds = append(kinds, kind+number)
		}
		sort.Strings(kinds)
		fmt.Fprintln(out, gv, strings.Join(kinds, " "))
	}
	fmt.Fprintln(out)
	for i := 0; i < len(lines); i++ {
		fmt.Fprintln(out, t.fields(lines[i], visit))
	}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}
