// Prints the Go structs that a pod template is made of, field by field as Go declares them: what the hash in the names
// of ReplicaSets is taken over. Run inside the module of tests/real:
//
//	cd tests/real && go run ../../tools/gostructs/main.go > ../../fakekube/data/pod_template.json
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Name, JSON name (empty for an embedded struct, "-" for none), type.
type field [3]string

type table struct {
	Header  map[string]string  `json:"header"`
	Structs map[string][]field `json:"structs"`
	Scalars map[string]string  `json:"scalars"`
}

var found = table{
	Header:  map[string]string{"version": "v1.37.2", "generator": "tools/gostructs/main.go"},
	Structs: map[string][]field{},
	Scalars: map[string]string{},
}

// Read and printed in a way of their own.
var special = map[reflect.Type]bool{
	reflect.TypeFor[resource.Quantity]():  true,
	reflect.TypeFor[metav1.Time]():        true,
	reflect.TypeFor[intstr.IntOrString](): true,
	reflect.TypeFor[metav1.FieldsV1]():    true,
}

var owners = map[string]reflect.Type{}

func visit(of reflect.Type) {
	if of.Kind() == reflect.Map && of.PkgPath() != "" {
		found.Scalars[of.String()] = fmt.Sprintf("map[%s]%s", of.Key(), of.Elem())
	}
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice:
		visit(of.Elem())
	case reflect.Map:
		visit(of.Key())
		visit(of.Elem())
	case reflect.Struct:
		visitStruct(of)
	default:
		if of.PkgPath() != "" {
			found.Scalars[of.String()] = of.Kind().String()
		}
	}
}

func visitStruct(of reflect.Type) {
	name := of.String()
	if other, known := owners[name]; known {
		if other != of {
			panic(fmt.Sprintf("two types are called %s: %s, %s", name, other.PkgPath(), of.PkgPath()))
		}
		return
	}
	owners[name] = of
	if special[of] {
		return
	}
	fields := []field{}
	for i := range of.NumField() {
		member := of.Field(i)
		tag, _, _ := strings.Cut(member.Tag.Get("json"), ",")
		fields = append(fields, field{member.Name, tag, member.Type.String()})
		visit(member.Type)
	}
	found.Structs[name] = fields
}

func main() {
	visit(reflect.TypeFor[corev1.PodTemplateSpec]())
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		panic(err)
	}
}
