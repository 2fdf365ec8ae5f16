// Prints what OpenAPI does not tell about the API's Go types, read by reflection from the packages of this release:
// field order, named Go types, embedded structs, pointers, which fields are always printed, protobuf numbers, and
// every kind that is registered. tools/tables.py runs it inside the module of tests/real.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

type field struct {
	Name      string `json:"name"`
	GoType    string `json:"go"`
	Embedded  string `json:"embedded,omitempty"`
	Pointer   bool   `json:"pointer,omitempty"`
	Omitempty bool   `json:"omitempty,omitempty"`
	Omitzero  bool   `json:"omitzero,omitempty"`
	Kind      string `json:"kind"`
}

type facts struct {
	Types map[string][]field              `json:"types"`
	Proto map[string]map[string][2]string `json:"proto"`
	Kinds []string                        `json:"kinds"`
}

var seen = facts{Types: map[string][]field{}, Proto: map[string]map[string][2]string{}}

// What prints itself (Time, Quantity, IntOrString...) has a JSON form of its own and no fields.
var marshaler = reflect.TypeFor[json.Marshaler]()

func main() {
	for _, add := range []func() error{
		func() error { return apiextensions.AddToScheme(scheme.Scheme) },
		func() error { return apiregistration.AddToScheme(scheme.Scheme) },
	} {
		if err := add(); err != nil {
			panic(err)
		}
	}
	for gvk, goType := range scheme.Scheme.AllKnownTypes() {
		if gvk.Version == "__internal" {
			continue
		}
		seen.Kinds = append(seen.Kinds, strings.TrimPrefix(gvk.Group+"/"+gvk.Version+"/"+gvk.Kind, "/"))
		visit(goType)
	}
	for _, value := range []any{metav1.PartialObjectMetadata{}, metav1.PartialObjectMetadataList{}, metav1.Status{},
		apidiscovery.APIGroupDiscoveryList{}, metav1.APIGroupList{}, metav1.APIVersions{}, metav1.APIResourceList{}, metav1.APIGroup{}, metav1.DeleteOptions{}} {
		visit(reflect.TypeOf(value))
	}
	sort.Strings(seen.Kinds)
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		panic(err)
	}
}

// openapi names a type as OpenAPI does: io.k8s.api.apps.v1.Deployment.
func openapi(t reflect.Type) string {
	return "io.k8s" + strings.ReplaceAll(strings.TrimPrefix(t.PkgPath(), "k8s.io"), "/", ".") + "." + t.Name()
}

func message(t reflect.Type) string {
	path := strings.NewReplacer("/", ".", "-", "_").Replace(t.PkgPath())
	return path + "." + t.Name()
}

func visit(t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if t.PkgPath() != "" && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String {
			seen.Proto[message(t)] = map[string][2]string{"1": {"items", "[]string"}}
		}
		visit(t.Elem())
	case reflect.Struct:
		if _, known := seen.Types[openapi(t)]; known || !strings.HasPrefix(t.PkgPath(), "k8s.io/") {
			return
		}
		seen.Types[openapi(t)] = []field{}
		seen.Proto[message(t)] = numbers(t)
		if !reflect.PointerTo(t).Implements(marshaler) {
			seen.Types[openapi(t)] = fields(t, "")
		}
	}
}

func fields(t reflect.Type, embedded string) []field {
	found := []field{}
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if f.Anonymous && name == "" {
			// Go's error paths spell out every embedded struct on the way: RuleWithOperations.Rule
			outer := strings.TrimPrefix(embedded+"."+f.Name, ".")
			if f.Name == "TypeMeta" {
				outer = ""
			} else {
				visit(f.Type)
			}
			found = append(found, fields(f.Type, outer)...)
			continue
		}
		if name == "" {
			name = f.Name
		}
		visit(f.Type)
		target := f.Type
		for target.Kind() == reflect.Pointer {
			target = target.Elem()
		}
		found = append(found, field{Name: name, GoType: target.String(), Embedded: embedded,
			Pointer: f.Type.Kind() == reflect.Pointer, Omitempty: strings.Contains(options, "omitempty"),
			Omitzero: strings.Contains(options, "omitzero"), Kind: target.Kind().String()})
	}
	return found
}

func numbers(t reflect.Type) map[string][2]string {
	found := map[string][2]string{}
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		parts := strings.Split(f.Tag.Get("protobuf"), ",")
		if len(parts) < 2 {
			continue
		}
		if _, err := strconv.Atoi(parts[1]); err != nil {
			continue
		}
		visit(f.Type)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && !f.Anonymous {
			name = strings.TrimPrefix(parts[3], "name=")
		}
		found[parts[1]] = [2]string{name, wire(f.Type)}
	}
	return found
}

func wire(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wire(t.Elem())
	case reflect.Map:
		return "map:" + wire(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		if t.PkgPath() != "" && t.Elem().Kind() == reflect.String && strings.HasSuffix(t.PkgPath(), "v1") {
			return message(t)
		}
		return "[]" + wire(t.Elem())
	case reflect.Struct:
		return message(t)
	case reflect.Float64:
		return "double"
	case reflect.Int:
		return "int64"
	}
	return t.Kind().String()
}
